"""Scaling down by area averaging, in linear light, with premultiplied alpha.

Light adds up, encoded values do not: a checkerboard of black and white looks like #bcbcbc from afar, not like #808080.
"""

import math

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from worker.imaging.spaces import bytes_of_linear, linear_of_bytes
from worker.progress import Meter

_VALUES = 1 << 21  # floats held at a time, for the source as for what is made of it


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
    across, down = _averages(width, wide), _averages(height, high)
    out = np.empty((high, wide, channels), np.uint8)
    band = max(1, _VALUES // (wide * channels))
    for top in range(0, high, band):
        bottom = min(top + band, high)
        rows = down[top:bottom]
        mean = np.zeros((bottom - top, wide * channels))
        last = int(rows.indices.max()) + 1
        step = max(1, _VALUES // (width * channels))
        for begin in range(int(rows.indices.min()), last, step):
            end = min(begin + step, last)
            light = _premultiplied(pixels[begin:end]).transpose(1, 0, 2).reshape(width, -1)
            narrow = (across @ light).reshape(wide, end - begin, channels).transpose(1, 0, 2)
            mean += rows[:, begin:end] @ narrow.reshape(end - begin, -1)
            meter.tell(end / height)
        out[top:bottom] = _encoded(mean.reshape(bottom - top, wide, channels))
    return out


def _averages(size: int, few: int) -> sparse.csr_array:
    """[few, size]: each row averages the `size` samples over an equal share of their length."""
    cuts = np.unique(np.concatenate([np.arange(size + 1) * few, np.arange(few + 1) * size]))
    return sparse.csr_array((np.diff(cuts) / size, (cuts[:-1] // size, cuts[:-1] // few)), shape=(few, size))


def _premultiplied(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    light = linear_of_bytes(pixels[..., :3])
    if pixels.shape[2] == 3:
        return light
    alpha = pixels[..., 3:] / 255
    return np.concatenate([light * alpha, alpha], axis=2)


def _encoded(mean: NDArray[np.float64]) -> NDArray[np.uint8]:
    if mean.shape[2] == 3:
        return bytes_of_linear(mean)
    alpha = mean[..., 3:]
    visible = alpha > 0
    light = mean[..., :3] / np.where(visible, alpha, 1.0)
    shown = np.maximum(np.rint(255 * alpha), visible)
    return np.concatenate([bytes_of_linear(light), shown.astype(np.uint8)], axis=2)
