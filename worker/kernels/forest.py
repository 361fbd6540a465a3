"""Clusters in a tree that follows them as they merge, for Ward's, complete and average linkage.

They stand in the order of a kd-tree (`worker.kernels.kdtree`). A merged pair stays at the place of its heavier
part, and the boxes above are widened. After some merges the tree is thinned: places of clusters that are gone
vanish, and the boxes are tight again. Nearly all time is spent waiting for memory, as each merge happens somewhere
else. So what a search reads of a node is one line of the cache, and siblings stand side by side.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from worker.kernels import inline, kdtree, kernel

NONE = -1
# Columns of the arrays of a Forest: numbers that are read together stand together.
X, Y, Z, WEIGHT = range(4)
NEAR, NEAR_ID, ID, LEAF = range(4)
# Rounding must not make a float32 that bounds a float64 too tight.
FLOAT32 = 2.0**-23
# Clusters in a leaf.
LEAF_SIZE = 8
# A tree is thinned when this share of its clusters is left; below so many clusters it lasts to the end.
THIN_AT = 0.85
LAST_TREE = 64

ROOT = 0
FIRST_PAIR = 2  # the root has no sibling
_SHAPE = ("low_x", "low_y", "low_z", "high_x", "high_y", "high_z", "lightest", "heaviest", "reach", "most")
NODE = np.dtype(
    # Bounds of what is below: box, weights, and the most of key / weight and of key.
    [(name, np.float32) for name in _SHAPE]
    + [(name, np.int32) for name in ("begin", "end")]  # its places are begin..end-1
    + [(name, np.int32) for name in ("child", "parent")]  # `child` and child + 1, or NONE; NONE for the root
    + [("least", np.float64)]  # the least key
)


class Forest(NamedTuple):
    """U clusters in tree order, and M - 1 nodes over them. Coordinates are in the space of the points.

    Bounds are float32: weight x squared distance must stay below 1e38, as it does by far for colours.
    """

    clusters: NDArray[np.float64]  # [U, 4]: centre (X, Y, Z) and pixels (WEIGHT; 0 once merged into another)
    keys: NDArray[np.float64]  # [U]: squared height; inf: no pair to answer for, or merged into another
    # [U, 4]: the place the key is exact for (NEAR, NONE: a mere bound) and the id it had then (NEAR_ID); the cluster
    # at this place (ID, NONE once merged into another) and the node it is in (LEAF).
    links: NDArray[np.int32]
    nodes: NDArray[Any]  # [M] of NODE: parents before children; the sibling of a node is node ^ 1; 1 is not used


def new_nodes(size: int) -> NDArray[Any]:
    """`size` nodes of any content, each in a cache line of its own."""
    line = NODE.itemsize
    room = np.empty((size + 1) * line, np.uint8)
    start = -room.ctypes.data % line
    return room[start : start + size * line].view(NODE)


@kernel
def plant(tree: kdtree.Tree, forest: Forest) -> None:
    """OUT: the nodes and links[:, LEAF] of a forest whose clusters stand as in the kd-tree."""
    nodes, links = forest.nodes, forest.links
    number = np.empty(len(tree.begin), np.int32)
    number[0] = ROOT
    nodes[ROOT].parent = NONE
    pair = FIRST_PAIR
    for i in range(len(tree.begin)):
        node = int(number[i])
        nodes[node].begin, nodes[node].end = tree.begin[i], tree.end[i]
        if tree.right[i] == kdtree.LEAF:
            nodes[node].child = NONE
            links[tree.begin[i] : tree.end[i], LEAF] = node
            continue
        nodes[node].child = number[i + 1] = pair
        number[tree.right[i]] = pair + 1
        nodes[pair].parent = nodes[pair + 1].parent = node
        pair += 2
    fit_all(forest)


@kernel
def thinned(forest: Forest) -> Forest:
    """The forest without the places of clusters that are gone, made in place, before `fit_all`.

    Nodes of at most LEAF_SIZE clusters become leaves.
    """
    nodes, links = forest.nodes, forest.links
    before = np.zeros(len(forest.keys) + 1, np.int32)  # places that stay, before each place
    for i in range(len(forest.keys)):
        before[i + 1] = before[i] + (forest.clusters[i, WEIGHT] > 0)
    _close_up(forest, before)
    size = before[-1]
    # In the order of before, so that a pair is written only where its old children are on the stack or done with.
    stack = [(int(ROOT), np.int32(0), size, int(nodes[ROOT].child))]
    pair = FIRST_PAIR
    while stack:
        node, begin, end, child = stack.pop()
        # A node with an empty child is its other child.
        while child != NONE and before[nodes[child].end] in (begin, end):
            child = int(nodes[child + 1 if before[nodes[child].end] == begin else child].child)
        nodes[node].begin, nodes[node].end = begin, end
        if child == NONE or end - begin <= LEAF_SIZE:
            nodes[node].child = NONE
            links[begin:end, LEAF] = node
            continue
        left, right = int(nodes[child].child), int(nodes[child + 1].child)
        middle = before[nodes[child].end]
        nodes[node].child = pair
        nodes[pair].parent = nodes[pair + 1].parent = node
        stack.append((int(pair + 1), middle, end, right))
        stack.append((int(pair), begin, middle, left))
        pair += 2
    return Forest(forest.clusters[:size], forest.keys[:size], links[:size], nodes[:pair])


@kernel
def _close_up(forest: Forest, before: NDArray[np.int32]) -> None:
    """Move each cluster that is not gone to the place that `before` has for it."""
    clusters, keys, links = forest.clusters, forest.keys, forest.links
    for i in range(len(keys)):
        near = links[i, NEAR]
        if near != NONE:
            links[i, NEAR] = before[near] if before[near + 1] > before[near] else NONE
        place = before[i]
        if before[i + 1] > place:
            clusters[place] = clusters[i]
            keys[place] = keys[i]
            links[place] = links[i]


@kernel
def fit_all(forest: Forest) -> None:
    """OUT: the shapes and least keys of all nodes, tight. No place may be empty."""
    for node in range(len(forest.nodes) - 1, FIRST_PAIR - 1, -1):
        _fit(forest, node)
    _fit(forest, ROOT)


@kernel
def _fit(forest: Forest, node: int) -> None:
    """`fit_all` for one node, after its children."""
    nodes = forest.nodes
    here = nodes[node]
    if here.child == NONE:
        here.low_x = here.low_y = here.low_z = here.lightest = np.inf
        here.high_x = here.high_y = here.high_z = -np.inf
        here.heaviest = here.reach = here.most = 0.0
        here.least = np.inf
        for i in range(here.begin, here.end):
            _widen(forest, node, i)
            here.least = min(here.least, forest.keys[i])
        return
    a, b = nodes[here.child], nodes[here.child + 1]
    here.low_x, here.high_x = min(a.low_x, b.low_x), max(a.high_x, b.high_x)
    here.low_y, here.high_y = min(a.low_y, b.low_y), max(a.high_y, b.high_y)
    here.low_z, here.high_z = min(a.low_z, b.low_z), max(a.high_z, b.high_z)
    here.lightest, here.heaviest = min(a.lightest, b.lightest), max(a.heaviest, b.heaviest)
    here.reach, here.most = max(a.reach, b.reach), max(a.most, b.most)
    here.least = min(a.least, b.least)


@inline
def down(value: float) -> np.float32:
    """A float32 that is not above `value`."""
    return np.float32(value - abs(value) * FLOAT32)


@inline
def up(value: float) -> np.float32:
    """A float32 that is not below `value`."""
    return np.float32(value + abs(value) * FLOAT32)


@kernel
def _widen(forest: Forest, node: int, place: int) -> bool:
    """Make a node's shape hold the cluster at `place`; whether that changed it."""
    clusters, here = forest.clusters, forest.nodes[node]
    x, y, z, weight = clusters[place, X], clusters[place, Y], clusters[place, Z], clusters[place, WEIGHT]
    key = forest.keys[place]
    reach = key / weight
    if (
        here.low_x <= x <= here.high_x
        and here.low_y <= y <= here.high_y
        and here.low_z <= z <= here.high_z
        and here.lightest <= weight <= here.heaviest
        and reach <= here.reach
        and key <= here.most
    ):
        return False
    here.low_x, here.high_x = min(here.low_x, down(x)), max(here.high_x, up(x))
    here.low_y, here.high_y = min(here.low_y, down(y)), max(here.high_y, up(y))
    here.low_z, here.high_z = min(here.low_z, down(z)), max(here.high_z, up(z))
    here.lightest, here.heaviest = min(here.lightest, down(weight)), max(here.heaviest, up(weight))
    here.reach, here.most = max(here.reach, up(reach)), max(here.most, up(key))
    return True


@kernel
def refit(forest: Forest, place: int) -> None:
    """Make the nodes above `place` fit after a change there.

    Shapes only widen: all that is asked of them is to hold what is below them. `fit_all` makes them tight again.
    """
    nodes, keys = forest.nodes, forest.keys
    leaf = forest.links[place, LEAF]
    node = leaf
    if forest.clusters[place, WEIGHT] > 0:
        while node != NONE and _widen(forest, node, place):
            node = nodes[node].parent
    value = np.inf
    for i in range(nodes[leaf].begin, nodes[leaf].end):
        value = min(value, keys[i])
    node = leaf
    while nodes[node].least != value:
        nodes[node].least = value
        node = nodes[node].parent
        if node == NONE:
            return
        child = nodes[node].child
        value = min(nodes[child].least, nodes[child + 1].least)


@kernel
def set_key(forest: Forest, place: int, key: float, near: int) -> None:
    """`key` is the height from `place` to `near`."""
    forest.keys[place] = key
    forest.links[place, NEAR] = near
    forest.links[place, NEAR_ID] = forest.links[near, ID] if near != NONE else NONE


@kernel
def least_place(forest: Forest) -> int:
    """The place of the least key."""
    nodes = forest.nodes
    node = int(ROOT)
    while nodes[node].child != NONE:
        node = int(nodes[node].child)
        if nodes[node].least != nodes[ROOT].least:
            node += 1
    place = int(nodes[node].begin)
    while forest.keys[place] != nodes[ROOT].least:
        place += 1
    return int(place)


@kernel
def unite(forest: Forest, a: int, b: int, new_id: int) -> None:
    """Put the union of `a` and the heavier `b` at the place of `b`."""
    clusters, links = forest.clusters, forest.links
    weight = clusters[a, WEIGHT] + clusters[b, WEIGHT]
    share = clusters[a, WEIGHT] / weight
    for axis in range(3):
        clusters[b, axis] += share * (clusters[a, axis] - clusters[b, axis])
    clusters[b, WEIGHT], links[b, ID] = weight, new_id
    clusters[a, WEIGHT], links[a, ID], forest.keys[a] = 0.0, NONE, np.inf
