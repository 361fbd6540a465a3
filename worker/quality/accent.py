"""How much a colour stands out from the rest of its picture."""

import numpy as np
from numpy.typing import NDArray

from worker.color.difference import ciede2000
from worker.color.spaces import from_srgb, oklch_of_srgb

Floats = NDArray[np.float64]

MOST_COLORS = 256
"""The largest clusters are compared with each other; beyond so many, a cluster stands out from nothing."""

# The largest chroma in Oklab that sRGB has is magenta's, 0.3225; the difference of black and white is 100.
_CHROMA, _CONTRAST = 0.33, 100.0
# The share of the pixels of which half of its weight is due: smaller areas are soon lost, larger ones all count.
_SMALL = 0.01
# A colour that differs by so much from one that stands out more keeps 63 % of its own score.
_ALIKE = 20.0


def accents(palette: NDArray[np.uint8], shares: Floats) -> Floats:
    """How much each colour of `palette` u8[k, 3] stands out, f64[k], 0..1. `shares` f64[k] of the pixels.

    With p the colour's share of the pixels in clusters, the score is the geometric mean of

    - its chroma in Oklab, as a part of 0.33;
    - its contrast: the mean Delta E 2000 to the pixels of all other clusters, as a part of 100;
    - p / (p + 0.01) x (1 - p): an area that is seen, but not the ground that all else stands on.

    Then the colours are taken in falling order of score, and that of a colour which resembles one taken is lowered to
    1 - exp(-(D / 20)^2) of it, where D is the Delta E 2000 to the nearest one taken: the second red of a picture tells
    nothing new. Their order is what they are for. Beyond the 256 largest clusters they are 0.
    """
    answer = np.zeros(len(palette))
    if not len(palette):
        return answer
    largest = np.sort(np.argsort(-shares, kind="stable")[:MOST_COLORS])
    share = shares[largest] / max(float(shares[largest].sum()), 1e-300)
    lab, chroma = from_srgb(palette[largest], "lab"), oklch_of_srgb(palette[largest])[:, 1]
    apart = np.stack([ciede2000(lab, one) for one in lab])
    contrast = (apart * share).sum(axis=1) / np.where(share < 1, 1 - share, np.inf)
    score = np.cbrt(chroma / _CHROMA * np.minimum(contrast / _CONTRAST, 1.0) * (share / (share + _SMALL) * (1 - share)))
    nearest = np.full(len(largest), np.inf)
    left = np.ones(len(largest), bool)
    while left.any():
        lowered = score * -np.expm1(-((nearest / _ALIKE) ** 2))
        taken = int(np.argmax(np.where(left, lowered, -1.0)))
        answer[largest[taken]] = lowered[taken]
        left[taken] = False
        nearest = np.minimum(nearest, apart[taken])
    return answer
