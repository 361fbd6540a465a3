"""The original and what is painted over it, in one picture, with nothing else in it."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from worker.progress import Meter
from worker.rendering import png
from worker.rendering.base import Drawn, File
from worker.rendering.painting import Painting
from worker.rendering.recolored import painting
from worker.segmentation import Segmentation


def side_by_side(painting: Painting, threads: int) -> bytes:
    """A PNG: the original at the left, the painting at the right; a wide picture's one above the other."""
    height, width, channels = painting.base.shape
    stacked = width > 2 * height
    size = (width, 2 * height) if stacked else (2 * width, height)

    def fill(begin: int, end: int, rows: NDArray[np.uint8]) -> None:
        if stacked:
            upper, lower = min(max(height - begin, 0), end - begin), max(begin - height, 0)
            rows[:upper, 1:] = painting.base[begin : begin + upper].reshape(upper, width * channels)
            painting.paint(lower, max(end - height, lower), rows[upper:], 1)
        else:
            half = 1 + width * channels
            rows[:, 1:half] = painting.base[begin:end].reshape(end - begin, width * channels)
            painting.paint(begin, end, rows, half)

    return png.truecolor(size, channels, fill, threads)


def draw(segmentation: Segmentation, meter: Meter) -> Iterator[Drawn]:
    picture = side_by_side(painting(segmentation, meter), meter.threads)
    yield File("side_by_side.png", "image/png", "The image, and beside it the same in the palette's colours.", picture)
