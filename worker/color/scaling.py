"""Scaling down by area averaging, in linear light, with premultiplied alpha.

Light adds up, encoded values do not: a checkerboard of black and white looks like #bcbcbc from afar, not like #808080.
"""

import math

import numpy as np
from numpy.typing import NDArray

from worker.color.spaces import linear_light
from worker.kernels import read_only, scaling
from worker.progress import Meter

_LIGHT = linear_light(np.arange(256.0))
# From which light on the next byte is nearer; and the bytes of so many lights that at most one byte lies between two.
_BOUNDS = np.append(linear_light(np.arange(0.5, 255)), np.inf)
_NEARLY = np.searchsorted(_BOUNDS, np.linspace(0, 1, 4097), side="right")


def scaled_size(width: int, height: int, most: int) -> tuple[int, int]:
    """The width and height of at most `most` pixels that keep the image's proportions as well as whole numbers can."""
    scale = math.sqrt(most / (width * height))
    wide = min(max(int(width * scale), 1), most)
    return wide, min(max(int(height * scale), 1), most // wide)


def scale_down(pixels: NDArray[np.uint8], most: int, meter: Meter) -> NDArray[np.uint8]:
    """`pixels` u8[h, w, 3 or 4] with at most `most` pixels: see `scaled`."""
    return scaled(pixels, scaled_size(pixels.shape[1], pixels.shape[0], most), meter)


def scaled(pixels: NDArray[np.uint8], size: tuple[int, int], meter: Meter) -> NDArray[np.uint8]:
    """`pixels` u8[h, w, 3 or 4] in the `size` (width, height), neither side of which is longer: each pixel is the mean
    of the area that it covers.

    With four channels a pixel's colour is the mean weighted by alpha, and its alpha the mean alpha, at least 1 where
    anything is visible.
    """
    wide, high = size
    out = np.empty((high, wide, pixels.shape[2]), np.uint8)
    meter.tell(0.0)
    # A row of `pixels` that lies on a border of rows of `out` is read twice.
    work = len(pixels) + high
    meter.run_ranges(scaling.average, high, read_only(pixels), _LIGHT, _BOUNDS, _NEARLY, out, work=work)
    meter.tell(1.0)
    return out
