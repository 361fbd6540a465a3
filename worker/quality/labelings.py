"""One or several labellings of the same points, and the sums by cluster that all measures begin with."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from worker.color.points import Points
from worker.kernels import labelings as kernels
from worker.kernels import read_only
from worker.progress import Meter, run_here

Floats = NDArray[np.float64]

# Sums are made in pieces, whatever the number of threads, and added in their order: so many points each, at least.
_PIECE, _MOST_PIECES = 1 << 14, 32
# Below so many distances other threads cost more than they save.
_WORTH_THREADS = 1 << 18


@dataclass(frozen=True)
class Labelled:
    """n weighted points with K labels each. Points that have the same K labels share one of C cells.

    Noise is left out; so n may be less than the number of points.
    """

    coords: Floats  # [n, 3]
    weights: NDArray[np.int64]  # [n]
    units: int  # parts of a pixel that the weights count: see `Points.units`
    cells: NDArray[np.int32]  # [n]
    labels: NDArray[np.int32]  # [K, C]: the label of each cell in each labelling
    sizes: tuple[int, ...]  # [K]: the number of clusters, empty ones among them

    @property
    def pixels(self) -> float:
        """How many pixels the points stand for; where alpha is a weight, with their parts."""
        return int(self.weights.sum()) / self.units


class Sums(NamedTuple):
    """What `add_up` finds: the clusters of all labellings, and sums over their points."""

    clusters: kernels.Clusters
    distances: Floats  # [G]: sum of weight x distance to the cluster's mean
    squares: Floats  # [G]: sum of weight x squared distance to the cluster's mean


def label(points: Points, labelings: Iterable[NDArray[np.int32]], sizes: Sequence[int]) -> Labelled:
    """Put `labelings` together, each i32[U], for `sizes` clusters; points with a label below 0 are noise.

    Noise must be the same points in all of them. O(U) for each labelling; none is kept.
    """
    inside, cells, count = np.arange(len(points)), np.zeros(len(points), np.int32), 1
    parts: list[NDArray[np.int32]] = []  # for each labelling, what the cells so far came from, and their new label
    for labels, size in zip(labelings, sizes, strict=True):
        if not parts:
            inside = np.flatnonzero(labels >= 0)
            cells = cells[inside]
        number = np.empty(count * size, np.int32)
        count = kernels.refine(cells, read_only(labels if len(inside) == len(points) else labels[inside]), size, number)
        parts.append(np.flatnonzero(number >= 0).astype(np.int32))
    table = np.empty((len(sizes), count), np.int32)
    cell = np.arange(count)
    for row in range(len(sizes) - 1, -1, -1):
        cell, table[row] = np.divmod(parts[row][cell], sizes[row])
    whole = len(inside) == len(points)
    coords, weights = (points.coords, points.weights) if whole else (points.coords[inside], points.weights[inside])
    arrays = (read_only(coords), read_only(weights), points.units, read_only(cells))
    return Labelled(*arrays, table, tuple(sizes))


def add_up(labelled: Labelled, meter: Meter) -> Sums:
    """Means, variances and sums of distances of all clusters of all labellings: two passes, O(n) and O(n K)."""
    clusters = _clusters(labelled, meter.within(0.0, 0.4))
    sums = summed_up(kernels.spread, labelled, clusters, (len(clusters.mass), 2), meter.within(0.4, 1.0))
    distances, squares = sums.T
    return Sums(clusters, distances, squares)


def summed_up(
    kernel: Callable[..., None], labelled: Labelled, what: Any, shape: tuple[int, ...], meter: Meter
) -> Floats:
    """What `kernel` adds to arrays of that shape for all points, piece by piece, against `what`."""
    size = len(labelled.coords)
    # The same pieces for any number of threads.
    step = max(_PIECE, -(-size // _MOST_PIECES))
    spans = list(pairwise([*range(0, size, step), size]))
    parts = np.zeros((len(spans), *shape))
    arrays = (labelled.coords, labelled.weights, labelled.cells, what)
    calls = [(*span, *arrays, part) for span, part in zip(spans, parts, strict=True)]
    if size * len(labelled.sizes) < _WORTH_THREADS:
        run_here(kernel, calls)
    else:
        meter.run_all(kernel, calls, size)
    total: Floats = parts.sum(axis=0)
    return total


def _clusters(labelled: Labelled, meter: Meter) -> kernels.Clusters:
    origin = labelled.coords[0].copy() if len(labelled.coords) else np.zeros(3)
    parts = summed_up(kernels.add_up, labelled, origin, (labelled.labels.shape[1], 5), meter)
    begin = np.concatenate([[0], np.cumsum(labelled.sizes)]).astype(np.int64)
    # Column by column: a labelling has up to a million cells, and there may be a hundred of them.
    columns = [
        [np.bincount(labels, column, size) for column in parts.T]
        for labels, size in zip(labelled.labels, labelled.sizes, strict=True)
    ]
    sums: Floats = np.ascontiguousarray(np.concatenate(columns, axis=1).T, np.float64)
    mass: Floats = sums[:, 4].copy()
    means = sums[:, :3] / np.maximum(mass, 1)[:, None]
    variance = np.maximum(sums[:, 3] / np.maximum(mass, 1) - (means**2).sum(axis=1), 0.0)
    variance[mass == 0] = np.inf
    return kernels.Clusters(begin, rows_of(labelled.labels, begin), mass, means + origin, variance)


def rows_of(labels: NDArray[np.int32], begin: NDArray[np.int64]) -> NDArray[np.int32]:
    """The clusters i32[C, K] of cells with the `labels` i32[K, C], where those of each labelling begin at `begin`."""
    return np.ascontiguousarray(labels.T) + begin[:-1].astype(np.int32)
