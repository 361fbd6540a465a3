"""Ward's agglomeration of weighted points, in the order of the heights.

Each cluster has a *key*, and of any two clusters one has a key no larger than the height at which they could merge:
it answers for the pair. So the smallest of all keys, once it is exact, is the next merge. A new cluster searches for
the least height among the pairs that no other key answers for; a cluster whose partner has gone searches again when
its old key, by then a lower bound, is the smallest. At the start the lighter of two answers, as for it Ward's height
is within sqrt(2) of sqrt(weight) times the distance and a kd-tree prunes well. Later, a node where all keys are small
beside the distance is passed by: a heavy cluster need not search among the many light ones around it.

Clusters stand in the order of a kd-tree (`worker.kernels.kdtree`). A merged pair stays at the place of its heavier
part, and the boxes above are widened. The caller rebuilds the tree when few enough clusters are left.

Squared height of a merge: 2 a b / (a + b) |centre_a - centre_b|^2 for weights a and b, as in scipy and
scikit-learn (Ward 1963). It is reducible (Bruynooghe 1978): a merge at the smallest height brings no cluster nearer
to any third one than the nearer of its parts was. So a key that answered for both parts of a merge answers for the
union too, and the union, by searching at once, answers for the rest.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from worker.kernels import DONE, STOP, kernel

NONE = -1
# Columns of the arrays of a Forest: numbers that are read together stand together.
X, Y, Z, WEIGHT = range(4)
NEAR, NEAR_ID, ID, LEAF = range(4)
BEGIN, END, RIGHT, PARENT = range(4)
LOW, HIGH, LIGHTEST, HEAVIEST, REACH = 0, 3, 6, 7, 8
# Rounding must not make a lower bound too large.
BELOW = 1.0 - 1e-12


class Forest(NamedTuple):
    """U clusters in tree order, and M nodes over them in preorder. Coordinates are in the space of the points."""

    clusters: NDArray[np.float64]  # [U, 4]: centre (X, Y, Z) and pixels (WEIGHT; 0 once merged into another)
    keys: NDArray[np.float64]  # [U]: squared height; inf: no pair to answer for, or merged into another
    # [U, 4]: the place the key is exact for (NEAR, NONE: a mere bound) and the id it had then (NEAR_ID); the cluster
    # at this place (ID, NONE once merged into another) and the node it is in (LEAF).
    links: NDArray[np.int64]
    nodes: NDArray[np.int64]  # [M, 4]: places BEGIN..END-1; RIGHT child or NONE, the left one is node + 1; PARENT
    # [M, 9]: LOW and HIGH corners, least and most weight (LIGHTEST, HEAVIEST), the most of key / weight (REACH)
    shapes: NDArray[np.float64]
    least: NDArray[np.float64]  # [M]: the least key


@kernel
def prepare(forest: Forest) -> None:
    """OUT: links[:, LEAF], nodes[:, PARENT], shapes and least, from the rest. No place may be empty."""
    nodes, shapes, least = forest.nodes, forest.shapes, forest.least
    nodes[0, PARENT] = NONE
    for node in range(len(nodes)):
        right = nodes[node, RIGHT]
        if right == NONE:
            forest.links[nodes[node, BEGIN] : nodes[node, END], LEAF] = node
        else:
            nodes[node + 1, PARENT] = nodes[right, PARENT] = node
    for node in range(len(nodes) - 1, -1, -1):
        shapes[node, LOW : LOW + 3] = shapes[node, LIGHTEST] = least[node] = np.inf
        shapes[node, HIGH : HIGH + 3] = -np.inf
        shapes[node, HEAVIEST] = shapes[node, REACH] = 0.0
        right = nodes[node, RIGHT]
        if right == NONE:
            for i in range(nodes[node, BEGIN], nodes[node, END]):
                _widen(forest.clusters, forest.keys, shapes, node, i)
                least[node] = min(least[node], forest.keys[i])
            continue
        least[node] = min(least[node + 1], least[right])
        for column in range(9):
            if column < HIGH or column == LIGHTEST:
                shapes[node, column] = min(shapes[node + 1, column], shapes[right, column])
            else:
                shapes[node, column] = max(shapes[node + 1, column], shapes[right, column])


@kernel
def _widen(
    clusters: NDArray[np.float64], keys: NDArray[np.float64], shapes: NDArray[np.float64], node: int, place: int
) -> bool:
    """Make a node's shape hold the cluster at `place`; whether that changed it."""
    changed = False
    for axis in range(4):
        low, high = LOW + axis, HIGH + axis
        if axis == WEIGHT:
            low, high = LIGHTEST, HEAVIEST
        if clusters[place, axis] < shapes[node, low]:
            shapes[node, low] = clusters[place, axis]
            changed = True
        if clusters[place, axis] > shapes[node, high]:
            shapes[node, high] = clusters[place, axis]
            changed = True
    reach = keys[place] / clusters[place, WEIGHT]
    if reach > shapes[node, REACH]:
        shapes[node, REACH] = reach
        changed = True
    return changed


@kernel
def _refit(forest: Forest, place: int) -> None:
    """Make the nodes above `place` fit after a change there.

    Shapes only widen: all that is asked of them is to hold what is below them. The next tree is tight again.
    """
    least = forest.least
    leaf = forest.links[place, LEAF]
    node = leaf
    if forest.clusters[place, WEIGHT] > 0:
        while node != NONE and _widen(forest.clusters, forest.keys, forest.shapes, node, place):
            node = forest.nodes[node, PARENT]
    value = np.inf
    for i in range(forest.nodes[leaf, BEGIN], forest.nodes[leaf, END]):
        value = min(value, forest.keys[i])
    node = leaf
    while least[node] != value:
        least[node] = value
        node = forest.nodes[node, PARENT]
        if node == NONE:
            return
        value = min(least[node + 1], least[forest.nodes[node, RIGHT]])


@kernel
def _least_height(
    shapes: NDArray[np.float64], node: int, x: float, y: float, z: float, weight: float, first: bool
) -> float:
    """A lower bound of the squared heights to the clusters below `node` that are to be answered for; inf: none."""
    lightest, heaviest = shapes[node, LIGHTEST], shapes[node, HEAVIEST]
    dx = max(shapes[node, LOW] - x, x - shapes[node, HIGH], 0.0)
    dy = max(shapes[node, LOW + 1] - y, y - shapes[node, HIGH + 1], 0.0)
    dz = max(shapes[node, LOW + 2] - z, z - shapes[node, HIGH + 2], 0.0)
    twice = 2.0 * weight * (dx * dx + dy * dy + dz * dz) * BELOW
    if first:
        if heaviest < weight:
            return np.inf
        lightest = max(lightest, weight)
    elif twice >= (weight + heaviest) * shapes[node, REACH]:
        return np.inf
    return float(lightest / (weight + lightest) * twice)


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
    bounds: NDArray[np.float64],
) -> tuple[float, int]:
    """Least squared height from the cluster at `place` to one with a key above it, and its place; (inf, NONE) if none.

    Where `first`, to one at least as heavy, whatever the keys. Walks up from the cluster's own leaf, so that the first
    bound is a good one. Scratch: `stack` and `bounds`, each longer than the tree is deep.
    """
    clusters, keys, nodes, shapes = forest.clusters, forest.keys, forest.nodes, forest.shapes
    x, y, z, weight = clusters[place, X], clusters[place, Y], clusters[place, Z], clusters[place, WEIGHT]
    below = forest.links[place, LEAF]
    best, found = _scan(clusters, keys, nodes[below, BEGIN], nodes[below, END], place, first, np.inf, NONE)
    while nodes[below, PARENT] != NONE:
        above = nodes[below, PARENT]
        sibling = nodes[above, RIGHT] if below == above + 1 else above + 1
        below = above
        stack[0], bounds[0] = sibling, _least_height(shapes, sibling, x, y, z, weight, first)
        top = 1
        while top:
            top -= 1
            node = stack[top]
            if bounds[top] >= best:
                continue
            b = nodes[node, RIGHT]
            if b == NONE:
                best, found = _scan(clusters, keys, nodes[node, BEGIN], nodes[node, END], place, first, best, found)
                continue
            a = node + 1
            bound_a = _least_height(shapes, a, x, y, z, weight, first)
            bound_b = _least_height(shapes, b, x, y, z, weight, first)
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
    bounds = np.empty(len(forest.nodes) + 2)
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
    node = 0
    least = forest.least[0]
    while forest.nodes[node, RIGHT] != NONE:
        node = node + 1 if forest.least[node + 1] == least else forest.nodes[node, RIGHT]
    place = forest.nodes[node, BEGIN]
    while forest.keys[place] != least:
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
def merge(
    forest: Forest,
    merges: NDArray[np.int64],
    heights: NDArray[np.float64],
    done: int,
    last: int,
    progress: NDArray[np.int64],
) -> int:
    """Do the merges `done`..`last`-1 of U - 1, in place in `forest`; answers how many are done.

    OUT: `merges` i64[U - 1, 2], the ids of the parts, smaller first; `heights` f64[U - 1], squared, and never
    falling. The union's id is U + merge.
    """
    leaves = len(merges) + 1
    clusters, keys, links = forest.clusters, forest.keys, forest.links
    stack = np.empty(len(forest.nodes) + 2, np.int64)
    bounds = np.empty(len(forest.nodes) + 2)
    while done < last and not progress[STOP]:
        place = _least(forest)
        near = links[place, NEAR]
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
    return done
