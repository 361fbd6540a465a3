"""The minimum spanning tree of weighted points under mutual reachability."""

import numpy as np
from numpy.typing import NDArray

from worker.kernels import lattice
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
    count = _begin(tree, forest, parent, edges, meter.within(0.0, 0.3))
    components, largest = kernels.number_components(tree, forest, parent)
    leaves = np.flatnonzero(tree.right == LEAF)
    pieces = np.array_split(leaves, min(_PIECES, len(leaves)))
    low = 0.3
    while components > 1:
        best = kernels.best_reaches(forest, components, largest)
        high = low + 0.4 * (1.0 - low)
        with meter.part(low, high) as part:
            part.run_all(kernels.search, [(piece, tree, forest, best.copy()) for piece in pieces], size)
        low = high
        count = kernels.join_nearest(forest, components, largest, parent, edges, count)
        components, largest = kernels.number_components(tree, forest, parent)
    squares = kernels.lengths(tree, forest, edges)
    meter.tell(max(low, 0.98))
    order = np.argsort(squares, kind="stable")
    return kernels.in_order(edges, order, tree.order), squares[order]


def _begin(
    tree: Tree, forest: kernels.Forest, parent: NDArray[np.int64], edges: NDArray[np.int64], meter: Meter
) -> int:
    """The edges that are found without asking who is in which component: how many. OUT: `parent`, `edges`."""
    if not forest.core.any() and lattice.holds(tree.coords):
        places = lattice.lay(tree.coords)
        return int(meter.run(lattice.join, places, tree.coords, parent, edges, work=len(parent)))
    meter.run_ranges(kernels.lean, len(parent), tree, forest)
    return int(kernels.join_leaning(forest, parent, edges))
