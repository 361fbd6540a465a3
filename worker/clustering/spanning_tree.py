"""The minimum spanning tree of weighted points under mutual reachability."""

import numpy as np
from numpy.typing import NDArray

from worker.kernels import spanning_tree as kernels
from worker.kernels.kdtree import LEAF, Tree
from worker.progress import Meter

_PIECES = 32
"""Pieces of work in a round. Fixed: what a piece knows decides which of two equal edges is found."""


def spanning_tree(tree: Tree, core: NDArray[np.float64], meter: Meter) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """(edges i64[U - 1, 2], squares f64[U - 1]) of a spanning tree under max(core(a)^2, core(b)^2, |a - b|^2).

    `core` f64[U] holds squared core distances by point, finite; zeros make it the Euclidean spanning tree. Edges are
    pairs of points, shortest first.
    """
    size = len(core)
    forest = kernels.plant(tree, core[tree.order])
    parent = np.arange(size)
    edges = np.empty((size - 1, 2), np.int64)
    with meter.part(0.0, 0.3) as part:
        part.run_ranges(kernels.lean, size, tree, forest)
    count = kernels.join_leaning(forest, parent, edges)
    components = kernels.number_components(tree, forest, parent)
    leaves = np.flatnonzero(tree.right == LEAF)
    pieces = np.array_split(leaves, min(_PIECES, len(leaves)))
    low = 0.3
    while components > 1:
        best = kernels.best_reaches(forest, components)
        high = low + 0.4 * (1.0 - low)
        with meter.part(low, high) as part:
            part.run_all(kernels.search, [(piece, tree, forest, best.copy()) for piece in pieces], size)
        low = high
        count = kernels.join_nearest(forest, components, parent, edges, count)
        components = kernels.number_components(tree, forest, parent)
    squares = np.maximum(
        forest.core[edges].max(axis=1), np.square(np.diff(tree.coords[edges], axis=1)).sum(axis=(1, 2))
    )
    meter.tell(max(low, 0.98))
    order = np.argsort(squares, kind="stable")
    return tree.order[edges[order]], squares[order]
