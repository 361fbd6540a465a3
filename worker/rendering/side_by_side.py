"""The original and what is painted over it, in one picture, with nothing else in it."""

import numpy as np
from numpy.typing import NDArray

from worker.rendering import png
from worker.rendering.painting import Painting


def side_by_side(painting: Painting, threads: int) -> bytes:
    """A PNG: the original at the left, the painting at the right; a wide picture's one above the other."""
    height, width, channels = painting.base.shape
    stacked = width > 2 * height
    size = (width, 2 * height) if stacked else (2 * width, height)

    def rows(begin: int, end: int) -> NDArray[np.uint8]:
        made = np.empty((end - begin, 1 + size[0] * channels), np.uint8)
        made[:, 0] = png.NO_FILTER
        if stacked:
            upper, lower = min(max(height - begin, 0), end - begin), max(begin - height, 0)
            made[:upper, 1:] = painting.base[begin : begin + upper].reshape(upper, -1)
            painting.paint(lower, end - height if end > height else lower, made[upper:], 1)
        else:
            made[:, 1 : 1 + width * channels] = painting.base[begin:end].reshape(end - begin, -1)
            painting.paint(begin, end, made, 1 + width * channels)
        return made

    return png.encode(size, 8, png.color_type_of(painting.base), rows, threads=threads)
