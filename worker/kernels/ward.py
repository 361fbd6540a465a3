"""Ward's agglomeration of weighted points, in the order of the heights.

Each cluster has a *key*, and of any two clusters one has a key no larger than the height at which they could merge:
it answers for the pair. So the smallest of all keys, once it is exact, is the next merge. A new cluster searches for
the least height among the pairs that no other key answers for; a cluster whose partner has gone searches again when
its old key, by then a lower bound, is the smallest. At the start the lighter of two answers, as for it Ward's height
is within sqrt(2) of sqrt(weight) times the distance and a kd-tree prunes well. Later, a node where all keys are small
beside the distance is passed by: a heavy cluster need not search among the many light ones around it.

Clusters stand in the order of a kd-tree (`worker.kernels.kdtree`). A merged pair stays at the place of its heavier
part, and the boxes above are widened. After some merges the tree is thinned: places of clusters that are gone
vanish, and the boxes are tight again. Nearly all time is spent waiting for memory, as each merge happens somewhere
else. So what a search reads of a node is one line of the cache, and siblings stand side by side.

Squared height of a merge: 2 a b / (a + b) |centre_a - centre_b|^2 for weights a and b, as in scipy and
scikit-learn (Ward 1963). It is reducible (Bruynooghe 1978): a merge at the smallest height brings no cluster nearer
to any third one than the nearer of its parts was. So a key that answered for both parts of a merge answers for the
union too, and the union, by searching at once, answers for the rest.
"""

from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from worker.kernels import DONE, STOP, inline, kdtree, kernel

NONE = -1
# Columns of the arrays of a Forest: numbers that are read together stand together.
X, Y, Z, WEIGHT = range(4)
NEAR, NEAR_ID, ID, LEAF = range(4)
# Rounding must not make a lower bound too large, nor a float32 that bounds a float64 too tight.
FLOAT32 = 2.0**-23
TWICE = np.float32(2.0 - 2.0**-18)
ZERO, NEVER = np.float32(0.0), np.float32(np.inf)
# Clusters in a leaf. A tree is thinned when this share of its clusters is left; below so many it lasts to the end.
LEAF_SIZE = 8
THIN_AT = 0.85
LAST_TREE = 64

ROOT = 0
FIRST_PAIR = 2  # the root has no sibling
_SHAPE = ("low_x", "low_y", "low_z", "high_x", "high_y", "high_z", "lightest", "heaviest", "reach", "most")
NODE = np.dtype(
    [
        (name, np.float32) for name in _SHAPE
    ]  # bounds of what is below: box, weights, and the most of key / weight and of key
    + [(name, np.int32) for name in ("begin", "end")]  # its places are begin..end-1
    + [(name, np.int32) for name in ("child", "parent")]  # `child` and child + 1, or NONE; NONE for the root
    + [("least", np.float64)]  # the least key
)


Corner: TypeAlias = tuple[np.float32, np.float32, np.float32]


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
    _fit_all(forest)


@kernel
def _thinned(forest: Forest) -> Forest:
    """The forest without the places of clusters that are gone, made in place, before `_fit_all`.

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
def _fit_all(forest: Forest) -> None:
    """OUT: the shapes and least keys of all nodes, tight. No place may be empty."""
    for node in range(len(forest.nodes) - 1, FIRST_PAIR - 1, -1):
        _fit(forest, node)
    _fit(forest, ROOT)


@kernel
def _fit(forest: Forest, node: int) -> None:
    """`_fit_all` for one node, after its children."""
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
def _down(value: float) -> np.float32:
    """A float32 that is not above `value`."""
    return np.float32(value - abs(value) * FLOAT32)


@inline
def _up(value: float) -> np.float32:
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
    here.low_x, here.high_x = min(here.low_x, _down(x)), max(here.high_x, _up(x))
    here.low_y, here.high_y = min(here.low_y, _down(y)), max(here.high_y, _up(y))
    here.low_z, here.high_z = min(here.low_z, _down(z)), max(here.high_z, _up(z))
    here.lightest, here.heaviest = min(here.lightest, _down(weight)), max(here.heaviest, _up(weight))
    here.reach, here.most = max(here.reach, _up(reach)), max(here.most, _up(key))
    return True


@kernel
def _refit(forest: Forest, place: int) -> None:
    """Make the nodes above `place` fit after a change there.

    Shapes only widen: all that is asked of them is to hold what is below them. `_fit_all` makes them tight again.
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
def _least_height(here: Any, low: Corner, high: Corner, weight: np.float32, first: bool) -> np.float32:
    """A lower bound of the squared heights to the clusters below a node that are to be answered for; inf: none.

    In float32: the searching cluster's centre is between `low` and `high`, its weight is rounded down.
    """
    dx = max(here.low_x - high[X], low[X] - here.high_x, ZERO)
    dy = max(here.low_y - high[Y], low[Y] - here.high_y, ZERO)
    dz = max(here.low_z - high[Z], low[Z] - here.high_z, ZERO)
    twice = TWICE * weight * (dx * dx + dy * dy + dz * dz)
    lightest = here.lightest
    if first:
        if here.heaviest < weight:
            return NEVER
        lightest = max(lightest, weight)
    elif twice > weight * here.reach + here.most:
        return NEVER
    bound: np.float32 = lightest / (weight + lightest) * twice
    return bound


@kernel
def _scan(
    clusters: NDArray[np.float64],
    keys: NDArray[np.float64],
    begin: int,
    end: int,
    place: int,
    first: bool,
    best: float,
    found: int,
) -> tuple[float, int]:
    """The better of (best, found) and what the places begin..end-1 have for the cluster at `place`."""
    x, y, z, weight = clusters[place, X], clusters[place, Y], clusters[place, Z], clusters[place, WEIGHT]
    for i in range(begin, end):
        other = clusters[i, WEIGHT]
        dx, dy, dz = clusters[i, X] - x, clusters[i, Y] - y, clusters[i, Z] - z
        product = 2.0 * weight * other * (dx * dx + dy * dy + dz * dz)
        if product < best * (weight + other) and i != place:
            height = product / (weight + other)
            covered = other < weight if first else other == 0.0 or keys[i] <= height
            if height < best and not covered:
                best, found = height, i
    return best, found


@kernel
def _search(
    forest: Forest,
    place: int,
    first: bool,
    stack: NDArray[np.int64],
    bounds: NDArray[np.float32],
) -> tuple[float, int]:
    """Least squared height from the cluster at `place` to one with a key above it, and its place; (inf, NONE) if none.

    Where `first`, to one at least as heavy, whatever the keys. Walks up from the cluster's own leaf, so that the first
    bound is a good one. Scratch: `stack` and `bounds`, each longer than the tree is deep.
    """
    clusters, keys, nodes = forest.clusters, forest.keys, forest.nodes
    x, y, z, weight = clusters[place, X], clusters[place, Y], clusters[place, Z], clusters[place, WEIGHT]
    low, high, light = (_down(x), _down(y), _down(z)), (_up(x), _up(y), _up(z)), _down(weight)
    below = int(forest.links[place, LEAF])
    best, found = _scan(clusters, keys, nodes[below].begin, nodes[below].end, place, first, np.inf, NONE)
    while below != ROOT:
        stack[0], bounds[0] = below ^ 1, _least_height(nodes[below ^ 1], low, high, light, first)
        below = int(nodes[below].parent)
        top = 1
        while top:
            top -= 1
            if bounds[top] >= best:
                continue
            node = stack[top]
            a = int(nodes[node].child)
            if a == NONE:
                best, found = _scan(clusters, keys, nodes[node].begin, nodes[node].end, place, first, best, found)
                continue
            b = a + 1
            bound_a = _least_height(nodes[a], low, high, light, first)
            bound_b = _least_height(nodes[b], low, high, light, first)
            if bound_a < bound_b:
                a, b, bound_a, bound_b = b, a, bound_b, bound_a
            # The nearer one is on top and goes first.
            if bound_a < best:
                stack[top], bounds[top] = a, bound_a
                top += 1
            if bound_b < best:
                stack[top], bounds[top] = b, bound_b
                top += 1
    return best, found


@kernel
def _set_key(forest: Forest, place: int, key: float, near: int) -> None:
    """`key` is the height from `place` to `near`."""
    forest.keys[place] = key
    forest.links[place, NEAR] = near
    forest.links[place, NEAR_ID] = forest.links[near, ID] if near != NONE else NONE


@kernel
def search_all(begin: int, end: int, forest: Forest, progress: NDArray[np.int64]) -> None:
    """OUT: keys and links of the places begin..end-1: the least height to a cluster at least as heavy."""
    stack = np.empty(len(forest.nodes) + 2, np.int64)
    bounds = np.empty(len(forest.nodes) + 2, np.float32)
    for place in range(begin, end):
        key, near = _search(forest, place, True, stack, bounds)
        _set_key(forest, place, key, near)
        if place % 256 == 0:
            progress[DONE] = place - begin
            if progress[STOP]:
                return


@kernel
def _least(forest: Forest) -> int:
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
def _unite(forest: Forest, a: int, b: int, new_id: int) -> None:
    """Put the union of `a` and the heavier `b` at the place of `b`."""
    clusters, links = forest.clusters, forest.links
    weight = clusters[a, WEIGHT] + clusters[b, WEIGHT]
    share = clusters[a, WEIGHT] / weight
    for axis in range(3):
        clusters[b, axis] += share * (clusters[a, axis] - clusters[b, axis])
    clusters[b, WEIGHT], links[b, ID] = weight, new_id
    clusters[a, WEIGHT], links[a, ID], forest.keys[a] = 0.0, NONE, np.inf


@kernel
def merge(forest: Forest, merges: NDArray[np.int64], heights: NDArray[np.float64], progress: NDArray[np.int64]) -> None:
    """Do all U - 1 merges. Uses up `forest`.

    OUT: `merges` i64[U - 1, 2], the ids of the parts, smaller first; `heights` f64[U - 1], squared, and never
    falling. The union's id is U + merge. `progress` grows by 1 a merge.
    """
    leaves = len(merges) + 1
    stack = np.empty(len(forest.nodes) + 2, np.int64)
    bounds = np.empty(len(forest.nodes) + 2, np.float32)
    _fit_all(forest)
    done = 0
    while done < len(merges) and not progress[STOP]:
        if leaves - done <= THIN_AT * len(forest.keys) and len(forest.keys) > LAST_TREE:
            forest = _thinned(forest)
            _fit_all(forest)
        clusters, keys, links = forest.clusters, forest.keys, forest.links
        place = _least(forest)
        near = int(links[place, NEAR])
        if near != NONE and links[near, ID] == links[place, NEAR_ID]:
            one, other = links[place, ID], links[near, ID]
            merges[done, 0], merges[done, 1] = min(one, other), max(one, other)
            # Rounding can put a height a last digit below the one before.
            heights[done] = max(keys[place], heights[done - 1]) if done else keys[place]
            if clusters[place, WEIGHT] > clusters[near, WEIGHT]:
                place, near = near, place
            _unite(forest, place, near, leaves + done)
            _refit(forest, place)
            place = near
            done += 1
            progress[DONE] = done
        key, near = _search(forest, place, False, stack, bounds)
        _set_key(forest, place, key, near)
        _refit(forest, place)
