"""Silhouettes for several labellings at once: the distance of two colours is computed once for all of them.

Distances of a query are summed up cell by cell (see `worker.kernels.labelings`), then cells are added up to the
clusters of each labelling. Queries come in tiles: whose distances to one point are a loop that the compiler makes
vectors of, without changing the order of any sum.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from worker.kernels import DONE, STOP, inline, kernel
from worker.kernels.labelings import Clusters, square_to

Floats = NDArray[np.float64]

TILE = 16  # queries
STRIDE = 1 << 12  # points between two looks at the progress


class Field(NamedTuple):
    """The n points that queries are measured against, cell by cell."""

    x: Floats  # [n]
    y: Floats  # [n]
    z: Floats  # [n]
    weights: Floats  # [n]
    begin: NDArray[np.int64]  # [C + 1]: the cell's points are begin[c]..begin[c + 1] - 1


class Scratch(NamedTuple):
    """What a tile is worked out in."""

    near: NDArray[np.bool_]  # [G]: whether a cluster is asked for
    squares: Floats  # [G]: squared distances of one query to the clusters' means
    sums: Floats  # [G, TILE]: weighted distances of each query
    tile: Floats  # [3, TILE]: the queries, where the compiler sees that no index is negative
    cell: Floats  # [TILE]: weighted distances to the points of one cell


@kernel
def measure(
    begin: int,
    end: int,
    field: Field,
    clusters: Clusters,
    queries: Floats,
    cells: NDArray[np.int32],
    unit: float,
    out: Floats,
    progress: NDArray[np.int64],
) -> None:
    """OUT: `out` f64[2, K, m TILE]: exact and simplified silhouettes of the queries of the tiles begin..end-1.

    `queries` f64[3, m TILE] are points of the field, `cells` i32[m TILE] their cells. `unit` is the weight of one
    pixel: a pixel is not compared with itself. A cluster of no more than that has silhouette 0, as has a point whose
    mean distances are both 0. Each labelling must have two clusters that are not empty. `progress` grows by 1 a tile.
    """
    size = len(clusters.mass)
    scratch = Scratch(
        np.empty(size, np.bool_), np.empty(size), np.empty((size, TILE)), np.empty((3, TILE)), np.empty(TILE)
    )
    for tile in range(begin, end):
        if progress[STOP]:
            return
        first = tile * TILE
        _ask(first, clusters, queries, cells, scratch, out[1])
        _add_up(first, field, clusters, queries, scratch)
        _compare(first, clusters, cells, unit, scratch, out[0])
        progress[DONE] += 1


@kernel
def guess(
    begin: int,
    end: int,
    coords: Floats,
    weights: NDArray[np.int64],
    cells: NDArray[np.int32],
    clusters: Clusters,
    out: Floats,
    progress: NDArray[np.int64],
) -> None:
    """Add weight x simplified silhouette of the points begin..end-1 of the field to `out` f64[K] (OUT)."""
    for start in range(begin, end, STRIDE):
        if progress[STOP]:
            return
        stop = min(start + STRIDE, end)
        for i in range(start, stop):
            x, y, z = coords[i, 0], coords[i, 1], coords[i, 2]
            for labelling in range(clusters.rows.shape[1]):
                row = clusters.rows[cells[i], labelling]
                own, other = square_to(clusters, row, x, y, z) + clusters.variance[row], np.inf
                for rival in range(clusters.begin[labelling], clusters.begin[labelling + 1]):
                    square = square_to(clusters, rival, x, y, z) + clusters.variance[rival]
                    other = square if square < other and rival != row else other
                out[labelling] += weights[i] * _simplified(own, other)
        progress[DONE] += stop - start


@inline
def _simplified(own: float, other: float) -> float:
    """The silhouette from the mean *squared* distances to a point's own cluster and to the nearest other one.

    Their roots are no less than the mean distances, and mostly a little more: a good guess, in O(k). 0 where both are.
    """
    larger = max(own, other)
    return (np.sqrt(other) - np.sqrt(own)) / np.sqrt(larger) if larger > 0 else 0.0


@inline
def _ask(
    first: int, clusters: Clusters, queries: Floats, cells: NDArray[np.int32], scratch: Scratch, out: Floats
) -> None:
    """Find the clusters that can be a query's nearest other one, and the simplified silhouettes.

    A mean distance to a cluster is at least the distance to its mean, and at most the root of the mean squared
    distance (Jensen's inequality, both ways). So a cluster whose mean is farther than another's most is out.
    """
    scratch.near[:] = False
    squares = scratch.squares
    for labelling in range(len(clusters.begin) - 1):
        begin, end = clusters.begin[labelling], clusters.begin[labelling + 1]
        for at in range(first, first + TILE):
            row = clusters.rows[cells[at], labelling]
            most = np.inf
            for rival in range(begin, end):
                squares[rival] = square_to(clusters, rival, queries[0, at], queries[1, at], queries[2, at])
                square = squares[rival] + clusters.variance[rival]
                most = square if square < most and rival != row else most
            out[labelling, at] = _simplified(squares[row] + clusters.variance[row], most)
            scratch.near[row] = True
            for rival in range(begin, end):
                scratch.near[rival] |= squares[rival] <= most


@inline
def _add_up(first: int, field: Field, clusters: Clusters, queries: Floats, scratch: Scratch) -> None:
    """Sum up each query's weighted distances to all points of the clusters asked for."""
    scratch.sums[:] = 0.0
    for axis in range(3):
        for at in range(TILE):
            scratch.tile[axis, at] = queries[axis, first + at]
    x, y, z, sums = scratch.tile[0], scratch.tile[1], scratch.tile[2], scratch.cell
    labellings = clusters.rows.shape[1]
    for cell in range(len(field.begin) - 1):
        wanted = False
        for labelling in range(labellings):
            wanted |= scratch.near[clusters.rows[cell, labelling]]
        if not wanted:
            continue
        sums[:] = 0.0
        for i in range(field.begin[cell], field.begin[cell + 1]):
            for at in range(TILE):
                dx, dy, dz = x[at] - field.x[i], y[at] - field.y[i], z[at] - field.z[i]
                sums[at] += field.weights[i] * np.sqrt(dx * dx + dy * dy + dz * dz)
        for labelling in range(labellings):
            row = clusters.rows[cell, labelling]
            for at in range(TILE):
                scratch.sums[row, at] += sums[at]


@inline
def _compare(
    first: int, clusters: Clusters, cells: NDArray[np.int32], unit: float, scratch: Scratch, out: Floats
) -> None:
    """(b - a) / max(a, b) of each query: b is the mean distance to the nearest other cluster, a that to its own."""
    for labelling in range(len(clusters.begin) - 1):
        for at in range(TILE):
            row = clusters.rows[cells[first + at], labelling]
            out[labelling, first + at] = 0.0
            if clusters.mass[row] <= unit:
                continue
            own = scratch.sums[row, at] / (clusters.mass[row] - unit)
            other = np.inf
            for rival in range(clusters.begin[labelling], clusters.begin[labelling + 1]):
                if rival != row and scratch.near[rival] and clusters.mass[rival] > 0:
                    other = min(other, scratch.sums[rival, at] / clusters.mass[rival])
            if max(own, other) > 0:
                out[labelling, first + at] = (other - own) / max(own, other)
