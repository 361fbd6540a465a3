"""Passes over weighted points that have several labels each: one for each of K labellings.

The G clusters of all labellings stand in one table, those of labelling r at begin[r]..begin[r + 1] - 1. Points that
have the same clusters in all labellings share a cell; `rows` says which clusters those are.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from worker.kernels import DONE, STOP, inline, kernel

Floats = NDArray[np.float64]

STRIDE = 1 << 12  # points between two looks at the progress


class Clusters(NamedTuple):
    """The clusters of all labellings."""

    begin: NDArray[np.int64]  # [K + 1]
    rows: NDArray[np.int32]  # [C, K]: the cluster of each cell in each labelling
    mass: Floats  # [G]: sum of the weights
    means: Floats  # [G, 3]; of empty clusters 0
    variance: Floats  # [G]: mean squared distance to the mean; of empty clusters inf


@kernel
def refine(cells: NDArray[np.int32], labels: NDArray[np.int32], size: int, number: NDArray[np.int32]) -> int:
    """Part the `cells` i32[n] (OUT) by `labels` i32[n], which are below `size`; how many cells there are then.

    OUT: `number` i32[old cells x size] is the new cell of each old one and label, -1 where there is none. New cells are
    numbered in that order.
    """
    number[:] = -1
    for i in range(len(cells)):
        number[cells[i] * size + labels[i]] = 0
    count = 0
    for code in range(len(number)):
        if number[code] == 0:
            number[code] = count
            count += 1
    for i in range(len(cells)):
        cells[i] = number[cells[i] * size + labels[i]]
    return count


@kernel
def add_up(
    begin: int,
    end: int,
    coords: Floats,
    weights: NDArray[np.int64],
    cells: NDArray[np.int32],
    origin: Floats,
    sums: Floats,
    progress: NDArray[np.int64],
) -> None:
    """Add the points begin..end-1 to the `sums` f64[C, 5] (OUT) of their cells.

    Those are the sums of weight x coordinates, of weight x squared distance, both from `origin` f64[3], and of weights.
    """
    for start in range(begin, end, STRIDE):
        if progress[STOP]:
            return
        stop = min(start + STRIDE, end)
        for i in range(start, stop):
            cell = cells[i]
            weight = float(weights[i])
            square = 0.0
            for axis in range(3):
                offset = coords[i, axis] - origin[axis]
                sums[cell, axis] += weight * offset
                square += offset * offset
            sums[cell, 3] += weight * square
            sums[cell, 4] += weight
        progress[DONE] += stop - start


@kernel
def spread(
    begin: int,
    end: int,
    coords: Floats,
    weights: NDArray[np.int64],
    cells: NDArray[np.int32],
    clusters: Clusters,
    out: Floats,
    progress: NDArray[np.int64],
) -> None:
    """Add the points begin..end-1 to `out` f64[G, 2] (OUT) of their clusters.

    Those are the sums of weight x distance and of weight x squared distance to the cluster's mean.
    """
    for start in range(begin, end, STRIDE):
        if progress[STOP]:
            return
        stop = min(start + STRIDE, end)
        for i in range(start, stop):
            for row in clusters.rows[cells[i]]:
                square = square_to(clusters, row, coords[i, 0], coords[i, 1], coords[i, 2])
                out[row, 0] += weights[i] * np.sqrt(square)
                out[row, 1] += weights[i] * square
        progress[DONE] += stop - start


@inline
def square_to(clusters: Clusters, row: int, x: float, y: float, z: float) -> float:
    """Squared distance from a place to a cluster's mean."""
    x, y, z = x - clusters.means[row, 0], y - clusters.means[row, 1], z - clusters.means[row, 2]
    return x * x + y * y + z * z
