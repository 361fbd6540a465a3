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
    rows: NDArray[np.int64]  # [K, C]: the cluster of each cell in each labelling
    mass: Floats  # [G]: sum of the weights
    means: Floats  # [G, 3]; of empty clusters 0
    variance: Floats  # [G]: mean squared distance to the mean; of empty clusters inf


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
def scan(
    begin: int,
    end: int,
    coords: Floats,
    weights: NDArray[np.int64],
    cells: NDArray[np.int32],
    clusters: Clusters,
    out: Floats,
    likeness: Floats,
    progress: NDArray[np.int64],
) -> None:
    """Hold the points begin..end-1 against the clusters of all labellings.

    OUT: to `out` f64[G, 2] is added, for each cluster, the sum of weight x distance and of weight x squared distance
    to its mean; to `likeness` f64[K] the sum of weight x `simplified` silhouette.
    """
    labellings = len(clusters.begin) - 1
    for start in range(begin, end, STRIDE):
        if progress[STOP]:
            return
        stop = min(start + STRIDE, end)
        for i in range(start, stop):
            x, y, z = coords[i, 0], coords[i, 1], coords[i, 2]
            for labelling in range(labellings):
                row = clusters.rows[labelling, cells[i]]
                own = square_to(clusters, row, x, y, z)
                other = np.inf
                for rival in range(clusters.begin[labelling], clusters.begin[labelling + 1]):
                    square = square_to(clusters, rival, x, y, z) + clusters.variance[rival]
                    other = square if square < other and rival != row else other
                out[row, 0] += weights[i] * np.sqrt(own)
                out[row, 1] += weights[i] * own
                likeness[labelling] += weights[i] * simplified(own + clusters.variance[row], other)
        progress[DONE] += stop - start


@inline
def square_to(clusters: Clusters, row: int, x: float, y: float, z: float) -> float:
    """Squared distance from a place to a cluster's mean."""
    x, y, z = x - clusters.means[row, 0], y - clusters.means[row, 1], z - clusters.means[row, 2]
    return x * x + y * y + z * z


@inline
def simplified(own: float, other: float) -> float:
    """The silhouette from the mean *squared* distances to a point's own cluster and to the nearest other one.

    Their roots are no less than the mean distances, and mostly a little more: a good guess, in O(k). 0 where both are.
    """
    larger = max(own, other)
    return (np.sqrt(other) - np.sqrt(own)) / np.sqrt(larger) if larger > 0 else 0.0
