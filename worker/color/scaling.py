"""Scaling down by area averaging, in linear light, with premultiplied alpha.

Light adds up, encoded values do not: a checkerboard of black and white looks like #bcbcbc from afar, not like #808080.
"""

import math

import numpy as np
from numpy.typing import NDArray

from worker.color.spaces import linear_light
from worker.kernels import scaling
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
    """`pixels` u8[h, w, 3 or 4] with at most `most` pixels, each the mean of the area that it covers.

    With four channels a pixel's colour is the mean weighted by alpha, and its alpha the mean alpha, at least 1 where
    anything is visible.
    """
    height, width, channels = pixels.shape
    wide, high = scaled_size(width, height, most)
    out = np.empty((high, wide, channels), np.uint8)
    source = np.ascontiguousarray(pixels).view()
    source.flags.writeable = False  # one machine code for all
    meter.tell(0.0)
    meter.run_ranges(scaling.average, high, source, _LIGHT, _BOUNDS, _NEARLY, out, work=height + high)
    meter.tell(1.0)
    return out
