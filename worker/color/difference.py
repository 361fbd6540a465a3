"""How different two colours look: CIEDE2000, in the kernels' formula."""

import numpy as np
from numpy.typing import NDArray

from shared.contract.hex_color import rgb_of_hex
from shared.contract.selection import ExcludedColor
from worker.color.spaces import from_srgb
from worker.kernels import difference as kernels

Floats = NDArray[np.float64]

# No lightness counts less than 1 / 1.75 in the formula (S_L <= 1.747): colours farther apart in L need no more work.
_LIGHTNESS_REACH = 1.75
_CHUNK = 1 << 16  # colours at a time, so that the terms stay in the cache


def resembles(colors: NDArray[np.uint8], excluded: list[ExcludedColor]) -> NDArray[np.bool_]:
    """Which of `colors` u8[U, 3] are within the tolerance of any `excluded` one, bool[U]."""
    found = np.zeros(len(colors), np.bool_)
    centers = from_srgb(np.array([rgb_of_hex(one.color) for one in excluded], np.uint8), "lab")
    for begin in range(0, len(colors), _CHUNK):
        lab = from_srgb(colors[begin : begin + _CHUNK], "lab")
        for one, center in zip(excluded, centers, strict=True):
            near = np.flatnonzero(np.abs(lab[:, 0] - center[0]) <= _LIGHTNESS_REACH * one.tolerance)
            found[begin + near[ciede2000(lab[near], center) <= one.tolerance]] = True
    return found


def ciede2000(lab: Floats, other: Floats) -> Floats:
    """The difference of each of the CIELAB colours f64[n, 3] to `other` f64[3], f64[n]."""
    difference = np.empty(len(lab))
    kernels.to_one(lab, other, difference)
    return difference
