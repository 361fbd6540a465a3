"""A mask for each cluster: one bit a pixel, white where the pixel is in it."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shared.contract.outputs import MOST_MASKS
from shared.contract.results import Note
from worker.kernels import read_only
from worker.kernels.painting import mask_rows
from worker.progress import Meter
from worker.rendering import png
from worker.rendering.base import Drawn, File
from worker.segmentation import Segmentation


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


def draw(segmentation: Segmentation, meter: Meter) -> Iterator[Drawn]:
    count = len(segmentation.palette)
    if count > MOST_MASKS:
        detail = f"The masks are left out: there are {count:,} clusters, and masks of at most {MOST_MASKS}."
        yield Note(note="left_out", detail=detail)
        return
    for label, mask in enumerate(masks(segmentation.labels, count, meter.threads)):
        yield File(f"mask-{label}.png", "image/png", f"White where a pixel has the label {label}.", mask)
