"""Core distances: how far a point must reach to have `min_samples` pixels around it."""

import numpy as np
from numpy.typing import NDArray

from worker.color.points import Points
from worker.kernels import core_distances as kernels
from worker.kernels.kdtree import Tree
from worker.progress import Meter

_SUBTREE = 512
"""Points in a piece of work: enough to share the way down the tree, few enough to keep all threads busy."""


def core_distances(points: Points, min_samples: int, meter: Meter, tree: Tree) -> NDArray[np.float64]:
    """Squared core distances f64[U], by point; inf where there are not `min_samples` pixels at all.

    `min_samples` counts the pixel itself: a colour with at least as many pixels has core distance 0, as
    `min_samples` - 1 others lie on the same spot. The `hdbscan` package does not count it: add 1 for that.
    """
    if points.pixels < min_samples:
        return np.full(len(points), np.inf)
    roots = kernels.subtrees(tree, _SUBTREE)
    squares = np.empty(len(points))
    pieces = np.array_split(roots, min(len(roots), 16 * meter.threads))
    calls = [(tree, piece, min_samples, squares) for piece in pieces]
    meter.run_all(kernels.core_distances, calls, len(points))
    by_point = np.empty(len(points))
    by_point[tree.order] = squares
    return by_point
