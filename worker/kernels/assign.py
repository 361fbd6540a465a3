"""Every colour to its nearest entry of a palette, the first of equals."""

import math

import numpy as np
from numpy.typing import NDArray

from worker.kernels import DONE, STOP, inline, kernel
from worker.kernels.difference import ciede2000

Floats = NDArray[np.float64]

STRIDE = 1 << 12  # colours between two looks at the progress

# (1 + G) C, the chroma with a stretched, is at most so much larger than C, and at most half as large again.
_STRETCH = 6.4
# What the rotation term takes of the squares of chroma and hue, at most: half of sqrt(3) times the saturation.
_TURNED = math.sqrt(3) / 2
# The same for pairs whose mean hue is 75 degrees and more from 275.
_HARDLY_TURNED = 2e-4
_BLUE_LOW, _BLUE_HIGH = math.tan(math.radians(20)), math.tan(math.radians(10))
_ROUNDING = 1 + 1e-9


@kernel
def by_square(
    begin: int,
    end: int,
    coords: Floats,
    palette: Floats,
    labels: NDArray[np.int32],
    progress: NDArray[np.int64],
) -> None:
    """OUT: `labels` i32[U] of the points begin..end-1 of `coords` f64[U, 3]: the nearest of `palette` f64[k, 3]."""
    for start in range(begin, end, STRIDE):
        if progress[STOP]:
            return
        stop = min(start + STRIDE, end)
        for i in range(start, stop):
            least = np.inf
            for j in range(len(palette)):
                x, y, z = coords[i, 0] - palette[j, 0], coords[i, 1] - palette[j, 1], coords[i, 2] - palette[j, 2]
                square = x * x + y * y + z * z
                if square < least:
                    least = square
                    labels[i] = j
        progress[DONE] += stop - start


@kernel
def by_difference(
    begin: int,
    end: int,
    lab: Floats,
    palette: Floats,
    labels: NDArray[np.int32],
    progress: NDArray[np.int64],
) -> None:
    """OUT: `labels` i32[U] of the colours begin..end-1: by CIEDE2000 the nearest of the palette.

    `lab` f64[U, 3] and `palette` f64[k, 3] are in CIELAB. A difference is worked out only where its lower bound allows
    that it is the least. The entry of the colour before is tried first: neighbours in the order of the colours are near
    each other.
    """
    size = len(palette)
    chromas, blues, bounds = np.empty(size), np.empty(size, np.bool_), np.empty(size)
    for j in range(size):
        chromas[j] = np.sqrt(palette[j, 1] * palette[j, 1] + palette[j, 2] * palette[j, 2])
        blues[j] = _is_blue(palette[j, 1], palette[j, 2])
    lights, reds, yellows = palette[:, 0].copy(), palette[:, 1].copy(), palette[:, 2].copy()
    label = 0
    for start in range(begin, end, STRIDE):
        if progress[STOP]:
            return
        stop = min(start + STRIDE, end)
        for i in range(start, stop):
            light, red, yellow = lab[i, 0], lab[i, 1], lab[i, 2]
            _bound(light, red, yellow, lights, reds, yellows, chromas, blues, bounds)
            least = ciede2000(light, red, yellow, lights[label], reds[label], yellows[label])
            tried = label
            for j in range(size):
                if j == tried or bounds[j] > least * least * _ROUNDING + 1e-12:
                    continue
                difference = ciede2000(light, red, yellow, lights[j], reds[j], yellows[j])
                if difference < least or (difference == least and j < label):
                    least = difference
                    label = j
            labels[i] = label
        progress[DONE] += stop - start


@inline
def _is_blue(red: float, yellow: float) -> bool:
    """Whether a hue is between 200 and 350 degrees, as it is if the one with a stretched is."""
    return yellow < (_BLUE_LOW * red if red < 0 else -_BLUE_HIGH * red)


@inline
def _bound(
    light: float,
    red: float,
    yellow: float,
    lights: Floats,
    reds: Floats,
    yellows: Floats,
    chromas: Floats,
    blues: NDArray[np.bool_],
    out: Floats,
) -> None:
    """OUT: lower bounds f64[k] of the squared differences of a colour to the entries of a palette.

    Of the terms of the formula, S_L is at most 1 + 0.015 |mean L - 50|. S_H is at most S_C, since T is below 3. Both a
    are stretched by one factor of at least 1: so the squares of the differences of chroma and hue add up to no less
    than those of a and b. The rotation takes at most `_TURNED` of that sum, and hardly anything unless the mean hue is
    within 75 degrees of 275. If neither hue is, they would have to be 150 degrees apart, with a stretched. Stretching
    moves a hue by less than 12 degrees, so that they are more than 90 degrees apart without.
    """
    chroma = np.sqrt(red * red + yellow * yellow)
    blue = _is_blue(red, yellow)
    for j in range(len(out)):
        mean = (chroma + chromas[j]) / 2
        mean = min(1.5 * mean, mean + _STRETCH)
        part = min(mean / 25, 1.0)
        warm = not (blue or blues[j]) and red * reds[j] + yellow * yellows[j] >= 0
        kept = 1 - (_HARDLY_TURNED if warm else _TURNED * part * part * part)
        scale = 1 + 0.045 * mean
        light_scale = 1 + 0.015 * abs((light + lights[j]) / 2 - 50)
        x, y, z = (lights[j] - light) / light_scale, (reds[j] - red) / scale, (yellows[j] - yellow) / scale
        out[j] = x * x + kept * (y * y + z * z)
