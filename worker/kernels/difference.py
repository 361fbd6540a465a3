"""CIEDE2000 of CIELAB colours, pair by pair.

Sharma, Wu and Dalal, "The CIEDE2000 color-difference formula: implementation notes" (Color Research and Application
30, 2005); k_L = k_C = k_H = 1. The numbers in brackets are the paper's equations.
"""

import math

import numpy as np
from numpy.typing import NDArray

from worker.kernels import DONE, STOP, inline, kernel

Floats = NDArray[np.float64]

STRIDE = 1 << 14  # colours between two looks at the progress

_30, _6, _63, _60 = math.radians(30), math.radians(6), math.radians(63), math.radians(60)
_275, _25 = math.radians(275), math.radians(25)
_LOST = math.cos(6 * _25)  # farther from 275 degrees, the rotation is below 1e-15


@inline
def _saturation(chroma: float) -> float:
    """The root that [4] and [17] have in common: 0 for greys, 1/sqrt(2) at chroma 25, nearly 1 for vivid colours."""
    square = chroma * chroma
    seventh = square * square * square * chroma
    return float(np.sqrt(seventh / (seventh + 6103515625.0)))


@kernel
def ciede2000(
    light: float, green_red: float, blue_yellow: float, other_light: float, other_red: float, other_yellow: float
) -> float:
    """The difference of two colours, each given by its L, a and b.

    Hues are unit vectors: their mean is the direction of the sum, and sin of half of the angle between them is half
    of the distance between their ends. So most pairs need no angle at all.
    """
    chroma = np.sqrt(green_red * green_red + blue_yellow * blue_yellow)
    other_chroma = np.sqrt(other_red * other_red + other_yellow * other_yellow)
    stretch = 1.5 - 0.5 * _saturation((chroma + other_chroma) / 2)  # 1 + G [4]
    red, other_red = stretch * green_red, stretch * other_red  # [5]
    chroma = np.sqrt(red * red + blue_yellow * blue_yellow)  # [6]
    other_chroma = np.sqrt(other_red * other_red + other_yellow * other_yellow)
    mean_light, mean_chroma = (light + other_light) / 2, (chroma + other_chroma) / 2

    bow = (mean_light - 50) * (mean_light - 50)
    light_term = (other_light - light) / (1 + 0.015 * bow / np.sqrt(20 + bow))  # [8], [19]
    chroma_term = (other_chroma - chroma) / (1 + 0.045 * mean_chroma)  # [9], [20]
    square = light_term * light_term + chroma_term * chroma_term
    if chroma * other_chroma == 0:  # between greys and colours hue means nothing
        return float(np.sqrt(square))

    x, y, other_x, other_y = red / chroma, blue_yellow / chroma, other_red / other_chroma, other_yellow / other_chroma
    half = np.sqrt((other_x - x) * (other_x - x) + (other_y - y) * (other_y - y))  # 2 |sin(half of the turn)|
    turn = np.sqrt(chroma * other_chroma) * math.copysign(half, x * other_y - other_x * y)  # [10], [11]
    cos, sin = _mean_hue(x, y, other_x, other_y)
    hue_term = turn / (1 + 0.015 * mean_chroma * _hue_weight(cos, sin))  # [21]
    cross = -2 * _saturation(mean_chroma) * _rotation(cos, sin)  # [17], [22]
    return float(np.sqrt(max(square + hue_term * hue_term + cross * chroma_term * hue_term, 0.0)))


@inline
def _mean_hue(x: float, y: float, other_x: float, other_y: float) -> tuple[float, float]:
    """Cosine and sine of the mean of two hues [14], on the shorter way between them."""
    cos, sin = x + other_x, y + other_y
    square = cos * cos + sin * sin
    if square > 1e-12:
        length = np.sqrt(square)
        return cos / length, sin / length
    # Opposite hues have two means: a quarter turn on from the one that is lower when counted from 0 to 360 degrees.
    if y > 0 or (y == 0 and x > 0):
        return -y, x
    return -other_y, other_x


@inline
def _hue_weight(cos: float, sin: float) -> float:
    """T [15] at the hue with that cosine and sine; those of its multiples follow from them."""
    cos2, sin2 = cos * cos - sin * sin, 2 * sin * cos
    cos3, sin3 = cos2 * cos - sin2 * sin, sin2 * cos + cos2 * sin
    cos4, sin4 = cos2 * cos2 - sin2 * sin2, 2 * sin2 * cos2
    return (
        1
        - 0.17 * (cos * math.cos(_30) + sin * math.sin(_30))
        + 0.24 * cos2
        + 0.32 * (cos3 * math.cos(_6) - sin3 * math.sin(_6))
        - 0.20 * (cos4 * math.cos(_63) + sin4 * math.sin(_63))
    )


@inline
def _rotation(cos: float, sin: float) -> float:
    """Sine of 2 Delta theta [16], which is lost in rounding but for greens, blues and purples."""
    ahead = cos * math.cos(_275) + sin * math.sin(_275)  # cosine of the angle from 275 degrees
    # Hues count from 0 to 360 degrees: the first quadrant is far before 275 rather than beyond it.
    if sin >= 0 and (cos >= 0 or ahead < _LOST):
        return 0.0
    off = math.atan2(sin * math.cos(_275) - cos * math.sin(_275), ahead) / _25
    return math.sin(_60 * math.exp(-off * off))


@kernel
def to_one(lab: Floats, other: Floats, out: Floats) -> None:
    """OUT: the difference of each of the colours `lab` f64[n, 3] to `other` f64[3]."""
    for i in range(len(lab)):
        out[i] = ciede2000(lab[i, 0], lab[i, 1], lab[i, 2], other[0], other[1], other[2])


@kernel
def to_own(
    begin: int,
    end: int,
    lab: Floats,
    labels: NDArray[np.int32],
    centers: Floats,
    out: Floats,
    progress: NDArray[np.int64],
) -> None:
    """OUT: the differences of the colours begin..end-1 of `lab` f64[n, 3] to their labels' `centers` f64[k, 3]."""
    for start in range(begin, end, STRIDE):
        if progress[STOP]:
            return
        stop = min(start + STRIDE, end)
        for i in range(start, stop):
            j = labels[i]
            out[i] = ciede2000(lab[i, 0], lab[i, 1], lab[i, 2], centers[j, 0], centers[j, 1], centers[j, 2])
        progress[DONE] += stop - start
