"""The kd-tree of weighted points, built on several threads."""

import numpy as np
from numpy.typing import NDArray

from worker.kernels import kdtree as kernels
from worker.kernels.kdtree import Tree
from worker.progress import Meter, run_here

_MANY = 1 << 13
"""With fewer points one thread is done before a second one has begun."""

_LEVELS = 3
"""So many times nodes are halved one by one; what is below them is then built at once."""


def kd_tree(coords: NDArray[np.float64], weights: NDArray[np.int64], leaf_size: int, meter: Meter) -> Tree:
    """The tree of `coords` f64[U, 3] with the counts `weights` i64[U]; see `worker.kernels.kdtree.build`.

    Threads change nothing: where a node stands follows from the number of points alone.
    """
    size = len(coords)
    plan = kernels.draft(coords, leaf_size)
    levels = _LEVELS if size > leaf_size << _LEVELS else 0
    share = size / kernels.work(size, leaf_size)
    pieces = [(0, 0, size)]
    for level in range(levels):
        calls = [(plan, *piece, leaf_size) for piece in pieces]
        if size < _MANY:
            run_here(kernels.halve, calls)
        else:
            with meter.part(level * share, (level + 1) * share) as part:
                part.run_all(kernels.halve, calls, size)
        pieces = [child for piece in pieces for child in _children(plan, *piece, leaf_size)]
    calls = [(plan, *piece, leaf_size) for piece in pieces]
    if size < _MANY:
        run_here(kernels.grow, calls)
    else:
        left = kernels.work(size, leaf_size) - levels * size
        meter.within(levels * share, 1.0).run_all(kernels.grow, calls, left)
    return kernels.finish(plan, weights)


def _children(
    plan: kernels.Draft, node: int, lo: int, hi: int, leaf_size: int
) -> tuple[tuple[int, int, int], tuple[int, int, int]]:
    """The pieces (node, begin, end) that a halved one is made of; its right child is noted."""
    middle = (lo + hi) // 2
    right = node + 1 + kernels.nodes_of(middle - lo, leaf_size)
    plan.span[node, 2] = right
    return (node + 1, lo, middle), (right, middle, hi)
