"""Colour spaces: sRGB (0..255), CIELAB under D65, and Oklab.

Every function works on each colour by itself with elementwise arithmetic (no BLAS), so that a colour's
coordinates do not depend on its neighbours in the array, nor on a library's number of threads.
"""

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shared.contract.params import ColorSpace
from worker import srgb
from worker.color.points import Points, Standardization

Floats = NDArray[np.float64]

# Linear sRGB to CIE XYZ: IEC 61966-2-1's chromaticities of the primaries and of D65 (0.3127, 0.3290), solved exactly.
# The same fractions stand in CSS Color 4, section 17 (https://www.w3.org/TR/css-color-4/#color-conversion-code).
_XYZ = np.array(
    [
        [506752 / 1228815, 87881 / 245763, 12673 / 70218],
        [87098 / 409605, 175762 / 245763, 12673 / 175545],
        [7918 / 409605, 87881 / 737289, 1001167 / 1053270],
    ]
)
# The white point is the sum of each row, so that greys have a = b = 0.
_XYZ_OF_WHITE = _XYZ / _XYZ.sum(axis=1, keepdims=True)
_WHITE_OF_XYZ = np.linalg.inv(_XYZ_OF_WHITE)

# Oklab: Björn Ottosson, "A perceptual color space for image processing" (2020), https://bottosson.github.io/posts/oklab/
# in the matrices of CSS Color 4, which were made anew in 64 bits for that D65: white is exactly (1, 0, 0).
_LMS_OF_XYZ = np.array(
    [
        [0.8190224379967030, 0.3619062600528904, -0.1288737815209879],
        [0.0329836539323885, 0.9292868615863434, 0.0361446663506424],
        [0.0481771893596242, 0.2642395317527308, 0.6335478284694309],
    ]
)
_LMS = (_LMS_OF_XYZ[:, :, None] * _XYZ[None, :, :]).sum(axis=1)
_OKLAB = np.array(
    [
        [0.2104542683093140, 0.7936177747023054, -0.0040720430116193],
        [1.9779985324311684, -2.4285922420485799, 0.4505937096174110],
        [0.0259040424655478, 0.7827717124575296, -0.8086757549230774],
    ]
)
_LMS_INVERSE = np.linalg.inv(_LMS)
_OKLAB_INVERSE = np.linalg.inv(_OKLAB)

# One 8-bit step of a channel, or of lightness.
_STEP = {"rgb": 1.0, "lab": 100 / 255, "oklab": 1 / 255}

# Palettes of up to so many colours are remembered for a moment.
_FEW = 256

_DELTA = 6 / 29  # CIE 15: the cube root of CIELAB is continued by a line below _DELTA**3


def from_srgb(rgb: NDArray[Any], space: ColorSpace) -> Floats:
    """Coordinates f64[n, 3] of `rgb` [n, 3], uint8 or floats in 0..255.

    `rgb`: as they are. `lab`: L 0..100, a, b about -110..110. `oklab`: L 0..1, a, b about -0.4..0.4. Of greys a and b
    are 0 to the last bit: standardised, rounding errors would be as long an axis as any.
    """
    if space == "rgb":
        return rgb.astype(np.float64)
    if rgb.dtype == np.uint8 and len(rgb) <= _FEW:
        return _of_few(rgb.tobytes(), space).copy()
    return _from_srgb(rgb, space)


@lru_cache(maxsize=16)
def _of_few(rgb: bytes, space: ColorSpace) -> Floats:
    """Of a palette, which is asked for by all that is told of it: each step takes longer than the colours."""
    return _from_srgb(np.frombuffer(rgb, np.uint8).reshape(-1, 3), space)


def _from_srgb(rgb: NDArray[Any], space: ColorSpace) -> Floats:
    linear = _LINEAR_OF_BYTE[rgb] if rgb.dtype == np.uint8 else srgb.linear(rgb / 255.0)
    if space == "lab":
        light, green_red, blue_yellow = (_lab_root(channel) for channel in _mix(_XYZ_OF_WHITE, linear.T))
        coords = [116 * green_red - 16, 500 * (light - green_red), 200 * (green_red - blue_yellow)]
    else:
        coords = _mix(_OKLAB, [np.cbrt(channel) for channel in _mix(_LMS, linear.T)])
    found = np.stack(coords, axis=1)
    found[(rgb[:, 0] == rgb[:, 1]) & (rgb[:, 1] == rgb[:, 2]), 1:] = 0.0
    return found


def to_srgb(coords: Floats, space: ColorSpace) -> Floats:
    """sRGB f64[n, 3] in 0..255 of `coords` f64[n, 3]; colours outside of the gamut are clipped to it."""
    if space == "rgb":
        return np.clip(coords, 0.0, 255.0)
    if space == "lab":
        middle = (coords[:, 0] + 16) / 116
        roots = (middle + coords[:, 1] / 500, middle, middle - coords[:, 2] / 200)
        linear = _mix(_WHITE_OF_XYZ, [_lab_cube(root) for root in roots])
    else:
        linear = _mix(_LMS_INVERSE, [root**3 for root in _mix(_OKLAB_INVERSE, coords.T)])
    return 255.0 * srgb.encoded(np.clip(np.stack(linear, axis=1), 0.0, 1.0))


def oklch_of_srgb(rgb: NDArray[np.uint8]) -> Floats:
    """Oklab in polar coordinates (CSS Color 4, section 9.4), f64[n, 3], of `rgb` u8[n, 3]: L, C, and h in degrees.

    Of greys C and h are 0.
    """
    lightness, green_red, blue_yellow = from_srgb(rgb, "oklab").T
    hue = np.degrees(np.arctan2(blue_yellow, green_red)) % 360
    return np.column_stack([lightness, np.hypot(green_red, blue_yellow), hue])


def linear_light(rgb: Floats) -> Floats:
    """Linear light 0..1 of sRGB 0..255, in the same shape."""
    return srgb.linear(rgb / 255.0)


def standardization(coords: Floats, weights: NDArray[np.int64]) -> Standardization:
    """Mean and standard deviation of each axis over the pixels, as scikit-learn's StandardScaler has them.

    An axis on which all pixels are equal, up to rounding, has scale 1.
    """
    pixels = int(weights.sum())
    share = weights / pixels
    mean = np.array([(share * coords[:, axis]).sum() for axis in range(3)])
    variance = np.array([(share * (coords[:, axis] - mean[axis]) ** 2).sum() for axis in range(3)])
    # StandardScaler's own bound for the rounding error of a variance (Chan, Golub, LeVeque 1983).
    epsilon = float(np.finfo(np.float64).eps)
    constant = variance <= pixels * epsilon * variance + (pixels * mean * epsilon) ** 2
    return Standardization(mean, np.where(constant, 1.0, np.sqrt(variance)))


def resolution(points: Points) -> float:
    """The smallest distance that means anything: one 8-bit step in the space of the points."""
    scale = 1.0 if points.standardization is None else float(points.standardization.scale.mean())
    return _STEP[points.space] / scale


def centers_from_srgb(points: Points, rgb: NDArray[Any]) -> Floats:
    """Colours `rgb` [n, 3], 0..255, in the space of `points`, standardised like them."""
    coords = from_srgb(rgb, points.space)
    if points.standardization is None:
        return coords
    return (coords - points.standardization.mean) / points.standardization.scale


def centers_to_srgb(points: Points, centers: Floats) -> Floats:
    """Centres f64[n, 3] in the space of `points`, standardised or not, as sRGB 0..255."""
    if points.standardization is not None:
        centers = centers * points.standardization.scale + points.standardization.mean
    return to_srgb(centers, points.space)


def _mix(matrix: Floats, channels: Any) -> list[Floats]:
    """The three rows of `matrix` times the three `channels`."""
    first, second, third = channels
    return [row[0] * first + row[1] * second + row[2] * third for row in matrix]


def _lab_root(ratio: Floats) -> Floats:
    return np.where(ratio > _DELTA**3, np.cbrt(ratio), ratio / (3 * _DELTA**2) + 4 / 29)


def _lab_cube(root: Floats) -> Floats:
    return np.where(root > _DELTA, root**3, 3 * _DELTA**2 * (root - 4 / 29))


_LINEAR_OF_BYTE = srgb.linear(np.arange(256) / 255.0)
