"""The label map: as a picture for people, as an array for programs."""

import io
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from shared.contract.results import LABELS_NPY, LABELS_PNG
from worker.progress import Meter
from worker.rendering.base import File
from worker.rendering.label_png import label_png
from worker.segmentation import Segmentation


def draw(segmentation: Segmentation, meter: Meter) -> Iterator[File]:
    picture = label_png(segmentation.labels, segmentation.palette, meter.threads)
    yield File(LABELS_PNG, "image/png", "Every pixel in its cluster's colour; an index is a label.", picture)
    array = npy(segmentation.labels)
    yield File(LABELS_NPY, "application/x-npy", "Every pixel's label, as numpy.load reads it.", array)


def npy(array: NDArray[np.integer]) -> bytes:
    """The array as NumPy's own file."""
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()
