"""A balanced kd-tree over weighted points in three dimensions.

Points are put into tree order, so that every node is a contiguous range of them. Nodes stand in preorder: a node's
left child is the next node, its children always come after it, and a loop from the last node to the first visits
children before parents.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from worker.kernels import DONE, STOP, kernel

LEAF = -1


class Tree(NamedTuple):
    """Arrays of a kd-tree over U points with M nodes."""

    order: NDArray[np.int64]  # [U]: tree position -> point
    coords: NDArray[np.float64]  # [U, 3], in tree order
    weights: NDArray[np.int64]  # [U], in tree order
    begin: NDArray[np.int64]  # [M]: the node's points are begin..end-1
    end: NDArray[np.int64]  # [M]
    right: NDArray[np.int64]  # [M]: right child, LEAF where there is none; the left child is node + 1
    low: NDArray[np.float64]  # [M, 3]: tight bounding box
    high: NDArray[np.float64]  # [M, 3]
    weight: NDArray[np.int64]  # [M]: sum of the weights below


class Draft(NamedTuple):
    """A tree that is being built over U points, with M nodes."""

    rows: NDArray[np.float64]  # [U, 4]: each point's coordinates and number; moved together, read one after the other
    span: NDArray[np.int64]  # [M, 3]: begin, end, right child or LEAF
    box: NDArray[np.float64]  # [M, 6]: low x, y, z, high x, y, z


@lru_cache(maxsize=1024)  # a worker sees images of ever other sizes
def nodes_of(size: int, leaf_size: int) -> int:
    """How many nodes the tree of `size` points has. Its levels hold two sizes each, so few values are ever needed."""
    if size <= leaf_size:
        return 1
    return 1 + nodes_of(size // 2, leaf_size) + nodes_of(size - size // 2, leaf_size)


def work(size: int, leaf_size: int) -> int:
    """What the progress of `build` reaches for `size` points, or a level less: that many for each level."""
    levels = 1
    while size > leaf_size << (levels - 1):
        levels += 1
    return size * levels


def build(coords: NDArray[np.float64], weights: NDArray[np.int64], leaf_size: int, progress: NDArray[np.int64]) -> Tree:
    """The tree of `coords` f64[U, 3], U >= 1: each node is halved at the median of its box's longest side.

    O(U log U). Leaves hold at most `leaf_size` points. `progress` grows by a node's points: see `work`.
    `worker.clustering.kd_tree` does the same on several threads.
    """
    plan = draft(coords, leaf_size)
    grow(plan, 0, 0, len(coords), leaf_size, progress)
    return finish(plan, weights)


def draft(coords: NDArray[np.float64], leaf_size: int) -> Draft:
    """Nothing but the points, in the order in which they came."""
    nodes = nodes_of(len(coords), leaf_size)
    rows = np.empty((len(coords), 4))
    rows[:, :3], rows[:, 3] = coords, np.arange(len(coords))
    return Draft(rows, np.empty((nodes, 3), np.int64), np.empty((nodes, 6)))


def finish(plan: Draft, weights: NDArray[np.int64]) -> Tree:
    """The tree of a draft that is built. `weights` i64[U], by point."""
    order = plan.rows[:, 3].astype(np.int64)
    begin, end, right = np.ascontiguousarray(plan.span.T)
    low, high = plan.box[:, :3].copy(), plan.box[:, 3:].copy()
    sums = np.concatenate([[0], np.cumsum(weights[order])])
    return Tree(order, plan.rows[:, :3].copy(), weights[order], begin, end, right, low, high, sums[end] - sums[begin])


@kernel
def halve(plan: Draft, node: int, lo: int, hi: int, leaf_size: int, progress: NDArray[np.int64]) -> None:
    """Make `node` of the rows lo..hi-1, and part them at its middle unless it is a leaf. OUT: `plan`.

    Where its right child will stand the caller notes.
    """
    rows, box = plan.rows, plan.box
    plan.span[node] = lo, hi, LEAF
    for axis in range(3):
        least, most = np.inf, -np.inf
        for i in range(lo, hi):
            value = rows[i, axis]
            least = value if value < least else least
            most = value if value > most else most
        box[node, axis], box[node, axis + 3] = least, most
    progress[DONE] += hi - lo
    if hi - lo <= leaf_size:
        return
    _partition(rows, lo, hi, (lo + hi) // 2, _longest_side(box[node]))


@kernel
def _longest_side(box: NDArray[np.float64]) -> int:
    """The axis along which the box f64[6] is longest, the first of equals.

    Apart from where it is used: numba would compile that twice, for an axis that is 0 and for one that is not known.
    """
    longest = 0
    for axis in range(1, 3):
        if box[axis + 3] - box[axis] > box[longest + 3] - box[longest]:
            longest = axis
    return longest


@kernel
def grow(plan: Draft, node: int, lo: int, hi: int, leaf_size: int, progress: NDArray[np.int64]) -> None:
    """Make `node` of the rows lo..hi-1, and all below it. OUT: `plan`."""
    stack = np.empty((128, 3), np.int64)
    stack[0] = lo, hi, -1
    depth = 1
    while depth and not progress[STOP]:
        depth -= 1
        lo, hi, parent = stack[depth]
        if parent >= 0:
            plan.span[parent, 2] = node
        halve(plan, node, lo, hi, leaf_size, progress)
        if hi - lo > leaf_size:
            middle = (lo + hi) // 2
            # The left child is popped next and so becomes node + 1.
            stack[depth] = middle, hi, node
            stack[depth + 1] = lo, middle, -1
            depth += 2
        node += 1


@kernel
def _partition(rows: NDArray[np.float64], lo: int, hi: int, middle: int, axis: int) -> None:
    """Quickselect: put into rows[middle] what a sort of rows[lo:hi] by (coordinate, number) would put there."""
    hi -= 1
    while lo < hi:
        pivot, number = rows[(lo + hi) // 2, axis], rows[(lo + hi) // 2, 3]
        i, j = lo, hi
        while i <= j:
            while rows[i, axis] < pivot or (rows[i, axis] == pivot and rows[i, 3] < number):
                i += 1
            while rows[j, axis] > pivot or (rows[j, axis] == pivot and rows[j, 3] > number):
                j -= 1
            if i <= j:
                for k in range(4):
                    rows[i, k], rows[j, k] = rows[j, k], rows[i, k]
                i += 1
                j -= 1
        if middle <= j:
            hi = j
        elif middle >= i:
            lo = i
        else:
            return
