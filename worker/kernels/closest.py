"""The closest of listed colours by CIEDE2000."""

import numpy as np
from numpy.typing import NDArray

from worker.kernels import kernel
from worker.kernels.difference import ciede2000

Floats = NDArray[np.float64]

# No lightness counts less than 1 / 1.75 in the formula (S_L <= 1.747), and the other terms take nothing away: colours
# farther apart in L differ by more.
LIGHTNESS_REACH = 1.75


@kernel
def closest(lab: Floats, listed: Floats, places: NDArray[np.int64], found: NDArray[np.int64], least: Floats) -> None:
    """For each of the colours `lab` f64[n, 3] the place `found` i64[n] (OUT) of the listed colour that differs least,
    and by how much, `least` f64[n] (OUT); of equally close ones the first place.

    `listed` f64[m, 3], m >= 1, ascending in L; `places` i64[m]. Looked for from the colour's own lightness up and down.
    """
    for i in range(len(lab)):
        light = lab[i, 0]
        above = np.searchsorted(listed[:, 0], light)
        below = above - 1
        found[i], least[i] = len(listed), np.inf
        while True:
            up = listed[above, 0] - light if above < len(listed) else np.inf
            down = light - listed[below, 0] if below >= 0 else np.inf
            if min(up, down) > LIGHTNESS_REACH * least[i]:
                break
            if up <= down:
                j = above
                above += 1
            else:
                j = below
                below -= 1
            difference = ciede2000(light, lab[i, 1], lab[i, 2], listed[j, 0], listed[j, 1], listed[j, 2])
            if difference < least[i] or (difference == least[i] and places[j] < found[i]):
                found[i], least[i] = places[j], difference
