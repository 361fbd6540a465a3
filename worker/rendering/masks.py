"""A mask for each cluster: one bit a pixel, white where the pixel is in it."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from worker.kernels import read_only
from worker.kernels.painting import mask_rows
from worker.rendering import png

MOST_MASKS = 64


def masks(labels: NDArray[Any], count: int, threads: int) -> list[bytes]:
    """A PNG for each of the labels 0..count-1 of `labels` int[h, w]."""
    height, width = labels.shape
    labels = read_only(labels)

    def mask(label: int) -> bytes:
        def rows(begin: int, end: int) -> NDArray[np.uint8]:
            packed = np.empty((end - begin, 1 + -(-width // 8)), np.uint8)
            mask_rows(labels[begin:end], label, packed)
            return packed

        return png.encode((width, height), 1, png.GREY, rows)

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(mask, range(count)))
