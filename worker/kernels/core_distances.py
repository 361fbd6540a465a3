"""Core distances of weighted points: the radius at which a point's neighbourhood holds `needed` pixels.

A walk down the kd-tree of the queries, handing down which nodes of the same tree still matter. For all queries in a
node, the core distance lies in one bracket: a reference node that ends below the bracket is inside every
neighbourhood and only its weight counts; one that begins above it is forgotten; the others are split, to stay finer
than the queries. (Dual-tree counting: Gray and Moore, 'N-Body' problems in statistical learning, NIPS 2000.) Where few
queries are left in a node, `worker.kernels.shells` finds the radius of each among the points that still matter;
where each needs but few points, that is left to the leaves and to `worker.kernels.crowd`.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from worker.kernels import DONE, STOP, kernel
from worker.kernels.crowd import new_crowd, solve_few
from worker.kernels.kdtree import LEAF, Tree
from worker.kernels.shells import new_shells, solve

GROUP = 64
"""Queries that share their shells: more share the gathering, fewer are nearer to the centre."""

_CROWD = 64
"""Where that many points matter for each query, twice as many queries share them: gathering is what costs there."""

_FEW = 12
"""Where a query needs no more points than that, by their mean weight, all that matter to a leaf are measured."""

_ROOM = 4096
"""Places of the scratch arrays at first."""

_FINER = 4
"""How many times smaller than the node of queries the reference nodes are."""


class Frontier(NamedTuple):
    """Reference nodes that a node of queries still has to tell apart; all arrays are as long."""

    node: NDArray[np.int64]  # one list after the other, a list for each node on the way down
    near: NDArray[np.float64]  # scratch: least squared distance of the boxes
    far: NDArray[np.float64]  # scratch: largest squared distance of the boxes
    weight: NDArray[np.int64]  # scratch


@kernel
def subtrees(tree: Tree, most: int) -> NDArray[np.int64]:
    """The topmost nodes with at most `most` points: i64[R], a partition of the points in tree order."""
    found = np.empty(len(tree.begin), np.int64)
    count = 0
    node = 0
    while node < len(tree.begin):
        if tree.right[node] == LEAF or tree.end[node] - tree.begin[node] <= most:
            found[count] = node
            count += 1
            # In preorder, whatever begins before this node's end is below it.
            end = tree.end[node]
            while node < len(tree.begin) and tree.begin[node] < end:
                node += 1
        else:
            node += 1
    return found[:count].copy()


@kernel
def _box_squares(
    lows: NDArray[np.float64],
    highs: NDArray[np.float64],
    weights: NDArray[np.int64],
    query: int,
    nodes: NDArray[np.int64],
    frontier: Frontier,
) -> float:
    """Fill in `near`, `far` and `weight` of `nodes` against the box of `query`; the largest `far`."""
    near, far, weight = frontier.near, frontier.far, frontier.weight
    top = 0.0
    for i in range(len(nodes)):
        node = nodes[i]
        least, most = 0.0, 0.0
        for axis in range(3):
            up = highs[node, axis] - lows[query, axis]
            down = highs[query, axis] - lows[node, axis]
            gap = max(-up, -down, 0.0)
            least += gap * gap
            reach = max(up, down)
            most += reach * reach
        near[i], far[i], weight[i] = least, most, weights[node]
        top = max(top, most)
    return top


@kernel
def _bisect(
    values: NDArray[np.float64], weights: NDArray[np.int64], size: int, needed: int, low: float, high: float
) -> tuple[float, float]:
    """A few halvings of [low, high], where the weights up to `high` are enough and those below `low` are not."""
    for _ in range(6):
        middle = 0.5 * (low + high)
        total = 0
        for i in range(size):
            if values[i] <= middle:
                total += weights[i]
        if total >= needed:
            high = middle
        else:
            low = middle
    return low, high


@kernel
def _refine(
    tree: Tree, query: int, frontier: Frontier, begin: int, end: int, needed: int, low: float, high: float
) -> tuple[bool, int, int, float, float]:
    """Write to frontier.node[end:] what of frontier.node[begin:end] matters to the node `query`.

    Nodes that are not yet finer than `query` are replaced by their children. `low` and `high` enclose the squared core
    distances of all points in `query`, `needed` is the weight that they need from the frontier. Returns whether
    nodes were split, the end of what was written, `needed`, `low` and `high`.
    """
    nodes, near, far, weight = frontier.node, frontier.near, frontier.far, frontier.weight
    starts, ends, right = tree.begin, tree.end, tree.right
    count = ends[query] - starts[query]
    split = False
    to = end
    for i in range(begin, end):
        node = nodes[i]
        if right[node] != LEAF and _FINER * (ends[node] - starts[node]) > count:
            split = True
            nodes[to] = node + 1
            to += 1
            node = right[node]
        nodes[to] = node
        to += 1
    size = to - end
    top = _box_squares(tree.low, tree.high, tree.weight, query, nodes[end:to], frontier)
    high = _bisect(far, weight, size, needed, low, min(high, top))[1]
    low = _bisect(near, weight, size, needed, low, high)[0]
    to = end
    for i in range(size):
        # Strictly: what is inside must leave something for the rim.
        if far[i] < low:
            needed -= weight[i]
        elif near[i] <= high:
            nodes[to] = nodes[end + i]
            to += 1
    return split, to, needed, low, high


@kernel
def core_distances(
    tree: Tree,
    roots: NDArray[np.int64],
    min_samples: int,
    squares: NDArray[np.float64],  # OUT
    progress: NDArray[np.int64],
) -> None:
    """Squared core distances f64[U], in tree order, of the points below the nodes `roots`.

    The tree holds at least `min_samples` pixels. Progress counts points.
    """
    room = min(_ROOM, len(squares))
    frontier, shells, near = _new_frontier(room), new_shells(room), new_crowd(room)
    for root in roots:
        stack = [(root, 0, 1, min_samples, 0.0, np.inf)]
        frontier.node[0] = 0
        while stack:
            node, begin, end, needed, low, high = stack.pop()
            split = True
            while split:
                if end + 2 * (end - begin) > len(frontier.node):
                    nodes = frontier.node[:end]
                    frontier = _new_frontier(2 * (end + 2 * (end - begin)))
                    frontier.node[:end] = nodes
                split, last, needed, low, high = _refine(tree, node, frontier, begin, end, needed, low, high)
                begin, end = end, last
            queries = tree.end[node] - tree.begin[node]
            size, weight = 0, 0
            if queries <= 2 * GROUP or tree.right[node] == LEAF:
                for other in frontier.node[begin:end]:
                    size += tree.end[other] - tree.begin[other]
                    weight += tree.weight[other]
            few = needed * float(size) <= _FEW * float(weight)
            crowd = GROUP if size < _CROWD * queries else 2 * GROUP
            if tree.right[node] != LEAF and (few or queries > crowd):
                stack.append((tree.right[node], begin, end, needed, low, high))
                stack.append((node + 1, begin, end, needed, low, high))
                continue
            if few:
                if size > len(near.x):
                    near = new_crowd(2 * size)
                solve_few(tree, node, frontier.node[begin:end], near, needed, min_samples, high, squares)
            else:
                if size > len(shells.x):
                    shells = new_shells(2 * size)
                solve(tree, node, frontier.node[begin:end], shells, needed, min_samples, low, high, squares)
            progress[DONE] += queries
            if progress[STOP]:
                return


@kernel
def _new_frontier(size: int) -> Frontier:
    return Frontier(np.empty(size, np.int64), np.empty(size), np.empty(size), np.empty(size, np.int64))
