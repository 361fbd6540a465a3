"""How different two colours look: CIEDE2000.

Sharma, Wu and Dalal, "The CIEDE2000 color-difference formula: implementation notes" (Color Research and Application
30, 2005); k_L = k_C = k_H = 1. The numbers in brackets are the paper's equations.
"""

import numpy as np
from numpy.typing import NDArray

from shared.contract.hex_color import rgb_of_hex
from shared.contract.selection import ExcludedColor
from worker.color.spaces import from_srgb

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
    chroma, other_chroma = np.hypot(lab[:, 1], lab[:, 2]), np.hypot(other[1], other[2])
    stretch = 1 + 0.5 * (1 - _saturation((chroma + other_chroma) / 2))  # [4]
    red, other_red = stretch * lab[:, 1], stretch * other[1]  # [5]
    chroma, other_chroma = np.hypot(red, lab[:, 2]), np.hypot(other_red, other[2])  # [6]
    hue = np.arctan2(lab[:, 2], red) % (2 * np.pi)  # [7]
    other_hue = np.arctan2(other[2], other_red) % (2 * np.pi)

    # Between greys and colours hue means nothing: the product of the chromas is 0 then. [10], [14]
    grey = chroma * other_chroma == 0
    turn = np.where(grey, 0.0, other_hue - hue)
    far = np.abs(turn) > np.pi
    turn = np.where(far, turn - np.copysign(2 * np.pi, turn), turn)
    mean_hue = np.where(grey, hue + other_hue, (hue + other_hue) / 2)
    mean_hue = np.where(far, mean_hue + np.where(hue + other_hue < 2 * np.pi, np.pi, -np.pi), mean_hue)
    mean_light, mean_chroma = (lab[:, 0] + other[0]) / 2, (chroma + other_chroma) / 2

    weight = (  # [15]
        1
        - 0.17 * np.cos(mean_hue - np.radians(30))
        + 0.24 * np.cos(2 * mean_hue)
        + 0.32 * np.cos(3 * mean_hue + np.radians(6))
        - 0.20 * np.cos(4 * mean_hue - np.radians(63))
    )
    bow = np.square(mean_light - 50)
    light_term = (other[0] - lab[:, 0]) / (1 + 0.015 * bow / np.sqrt(20 + bow))  # [8], [19]
    chroma_term = (other_chroma - chroma) / (1 + 0.045 * mean_chroma)  # [9], [20]
    hue_term = 2 * np.sqrt(chroma * other_chroma) * np.sin(turn / 2) / (1 + 0.015 * mean_chroma * weight)  # [11], [21]
    rotation = np.radians(60) * np.exp(-np.square((np.degrees(mean_hue) - 275) / 25))  # [16]
    cross = -2 * _saturation(mean_chroma) * np.sin(rotation)  # [17], [22]
    squares = light_term**2 + chroma_term**2 + hue_term**2 + cross * chroma_term * hue_term
    difference: Floats = np.sqrt(np.maximum(squares, 0.0))
    return difference


def _saturation(chroma: Floats) -> Floats:
    seventh = chroma**7
    root: Floats = np.sqrt(seventh / (seventh + 25.0**7))
    return root
