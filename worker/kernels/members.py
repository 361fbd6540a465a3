"""What single passes over colours, or over a label map, find of each cluster."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from worker.kernels import DONE, STOP, kernel

ROWS = 64  # rows of a label map between two looks at the progress


@kernel
def choose(
    coords: NDArray[np.float64],
    counts: NDArray[np.int64],
    first: NDArray[np.int64],
    labels: NDArray[np.int32],
    centers: NDArray[np.float64],
    nearest: NDArray[np.int64],
    commonest: NDArray[np.int64],
) -> None:
    """OUT: of each cluster the point `nearest` to its centre, and the `commonest` one, i64[k]; -1 where it has none.

    `coords` f64[U, 3], `counts`, `first` and `labels` [U], negative labels are left out; `centers` f64[k, 3]. Among
    equals the one with the smallest `first` is taken.
    """
    least = np.full(len(centers), np.inf)
    nearest[:] = -1
    commonest[:] = -1
    for i in range(len(labels)):
        j = labels[i]
        if j < 0:
            continue
        square = 0.0
        for axis in range(3):
            square += (coords[i, axis] - centers[j, axis]) ** 2
        if nearest[j] < 0 or square < least[j] or (square == least[j] and first[i] < first[nearest[j]]):
            least[j] = square
            nearest[j] = i
        most = commonest[j]
        if most < 0 or counts[i] > counts[most] or (counts[i] == counts[most] and first[i] < first[most]):
            commonest[j] = i


@kernel
def add_places(
    begin: int, end: int, labels: NDArray[Any], sums: NDArray[np.int64], progress: NDArray[np.int64]
) -> None:
    """Add the pixels of the rows begin..end-1 of `labels` [h, w] to `sums` i64[k, 3] (OUT): x, y and 1 for each.

    Negative labels are left out. Neighbours of one label are added at once. `progress` grows by 1 a row.
    """
    width = labels.shape[1]
    for start in range(begin, end, ROWS):
        if progress[STOP]:
            return
        stop = min(start + ROWS, end)
        for y in range(start, stop):
            x = 0
            while x < width:
                label = labels[y, x]
                left = x
                x += 1
                while x < width and labels[y, x] == label:
                    x += 1
                if label >= 0:
                    pixels = x - left
                    sums[label, 0] += pixels * (left + x - 1) // 2
                    sums[label, 1] += pixels * y
                    sums[label, 2] += pixels
        progress[DONE] += stop - start
