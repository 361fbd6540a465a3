"""A balanced kd-tree over weighted points in three dimensions.

Points are put into tree order, so that every node is a contiguous range of them. Nodes stand in preorder: a node's
left child is the next node, its children always come after it, and a loop from the last node to the first visits
children before parents.
"""

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


def work(size: int, leaf_size: int) -> int:
    """What the progress of `build` reaches for `size` points, or a level less: that many for each level."""
    levels = 1
    while size > leaf_size << (levels - 1):
        levels += 1
    return size * levels


@kernel
def build(coords: NDArray[np.float64], weights: NDArray[np.int64], leaf_size: int, progress: NDArray[np.int64]) -> Tree:
    """The tree of `coords` f64[U, 3], U >= 1: each node is halved at the median of its box's longest side.

    O(U log U). Leaves hold at most `leaf_size` points. `progress` grows by a node's points: see `work`.
    """
    size = len(coords)
    order = np.arange(size)
    most = 2 * (2 * size // (leaf_size + 1) + 1)
    begin = np.empty(most, np.int64)
    end = np.empty(most, np.int64)
    right = np.full(most, LEAF, np.int64)
    low = np.empty((most, 3))
    high = np.empty((most, 3))
    weight = np.zeros(most, np.int64)
    stack = [(0, size, -1)]
    nodes = 0
    while stack:
        lo, hi, parent = stack.pop()
        if progress[STOP]:
            break
        progress[DONE] += hi - lo
        node = nodes
        nodes += 1
        if parent >= 0:
            right[parent] = node
        begin[node], end[node] = lo, hi
        for axis in range(3):
            least = most_of = coords[order[lo], axis]
            for i in range(lo + 1, hi):
                value = coords[order[i], axis]
                least = min(least, value)
                most_of = max(most_of, value)
            low[node, axis], high[node, axis] = least, most_of
        for i in range(lo, hi):
            weight[node] += weights[order[i]]
        if hi - lo <= leaf_size:
            continue
        axis = 0
        for other in range(1, 3):
            if high[node, other] - low[node, other] > high[node, axis] - low[node, axis]:
                axis = other
        middle = (lo + hi) // 2
        _partition(coords, order, lo, hi, middle, axis)
        # The left child is popped next and so becomes node + 1.
        stack.append((middle, hi, node))
        stack.append((lo, middle, -1))
    return Tree(
        order,
        coords[order],
        weights[order],
        begin[:nodes].copy(),
        end[:nodes].copy(),
        right[:nodes].copy(),
        low[:nodes].copy(),
        high[:nodes].copy(),
        weight[:nodes].copy(),
    )


@kernel
def _partition(coords: NDArray[np.float64], order: NDArray[np.int64], lo: int, hi: int, middle: int, axis: int) -> None:
    """Quickselect: put into order[middle] what a sort of order[lo:hi] by (coordinate, index) would put there."""
    hi -= 1
    while lo < hi:
        pivot_index = order[(lo + hi) // 2]
        pivot = coords[pivot_index, axis]
        i, j = lo, hi
        while i <= j:
            while coords[order[i], axis] < pivot or (coords[order[i], axis] == pivot and order[i] < pivot_index):
                i += 1
            while coords[order[j], axis] > pivot or (coords[order[j], axis] == pivot and order[j] > pivot_index):
                j -= 1
            if i <= j:
                order[i], order[j] = order[j], order[i]
                i += 1
                j -= 1
        if middle <= j:
            hi = j
        elif middle >= i:
            lo = i
        else:
            return
