"""Complete and average linkage of weighted points, lowest merge first, while clusters are many and small.

Two bounds from the centres and variances alone spare nearly all sums over pairs. The mean distance of two clusters is
no less than that of their centres (Jensen), nor than that of the one's points to the other's centre. The greatest
squared distance is no less than the mean one: the squared distance of the centres plus both variances.

Each cluster has a *key*, a lower bound of the squared height to its nearest one, exact where that one still stands. So
the smallest of all keys, once it is exact, is the next merge (Müllner, arXiv 1109.2378, algorithm 3). Both linkages
are reducible: a merge brings no cluster nearer to any third one than the nearer of its parts was, so keys stay bounds.
Where the clusters stand, and how they are found: `worker.kernels.forest`.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from worker.kernels import DONE, STOP, kernel
from worker.kernels.forest import (
    ID,
    LAST_TREE,
    LEAF,
    NEAR,
    NEAR_ID,
    NONE,
    ROOT,
    THIN_AT,
    WEIGHT,
    Forest,
    X,
    Y,
    Z,
    fit_all,
    least_place,
    refit,
    set_key,
    thinned,
    unite,
)

# Rounding must not make a lower bound too large. The centre of n colours is wrong by n 2^-53 of the largest coordinate
# at most, and where a bound touches what it bounds, the other centre is about as far away as n colours reach: n^(1/3)
# steps of 1e-3 of that. So a square is wrong by 2e-10 of itself with 10,000 colours in one cluster.
SURE = 1.0 - 1e-9


class Members(NamedTuple):
    """The points of the clusters. A cluster's id is a point, or U + the merge that made it; C ids in all."""

    points: NDArray[np.float64]  # [U, 4]: X, Y, Z, WEIGHT, in the order in which they were given
    next: NDArray[np.int64]  # [U]: the next point of the same cluster, or NONE
    first: NDArray[np.int64]  # [C]: the cluster's first point in that order
    last: NDArray[np.int64]  # [C]: where its list ends
    spread: NDArray[np.float64]  # [C]: mean squared distance of its pixels to their centre


class Scratch(NamedTuple):
    """Room for a search."""

    stack: NDArray[np.int64]  # this and the next: longer than the tree is deep
    bounds: NDArray[np.float64]
    mine: NDArray[np.float64]  # [U, 4]: the points of the searching cluster


def members_of(coords: NDArray[np.float64], weights: NDArray[np.int64], merges: int) -> Members:
    """Each point by itself, with room for so many merges."""
    size = len(coords)
    ids = np.arange(size + merges)
    points = np.column_stack([coords, weights.astype(np.float64)])
    return Members(points, np.full(size, NONE), ids, ids.copy(), np.zeros(size + merges))


@kernel
def scratch_of(forest: Forest, members: Members) -> Scratch:
    """Room for any search in that forest."""
    room = len(forest.nodes) + 2
    return Scratch(np.empty(room, np.int64), np.empty(room), np.empty((len(members.points), 4)))


@kernel
def _gather(members: Members, cluster: int, mine: NDArray[np.float64]) -> int:
    """OUT: mine[:n], the cluster's points; answers n."""
    count, point = 0, members.first[cluster]
    while point != NONE:
        mine[count] = members.points[point]
        count += 1
        point = members.next[point]
    return count


@kernel
def _gap(here: Any, centre: NDArray[np.float64]) -> float:
    """Squared distance from a centre to a node's box."""
    dx = max(here.low_x - centre[X], centre[X] - here.high_x, 0.0)
    dy = max(here.low_y - centre[Y], centre[Y] - here.high_y, 0.0)
    dz = max(here.low_z - centre[Z], centre[Z] - here.high_z, 0.0)
    return float(dx * dx + dy * dy + dz * dz) * SURE


@kernel
def _farthest(mine: NDArray[np.float64], members: Members, other: int, best: float) -> float:
    """The greatest squared distance of a pair; inf as soon as it is `best` or more."""
    most, point = 0.0, members.first[other]
    while point != NONE:
        x, y, z = members.points[point, X], members.points[point, Y], members.points[point, Z]
        for i in range(len(mine)):
            dx, dy, dz = mine[i, X] - x, mine[i, Y] - y, mine[i, Z] - z
            most = max(most, dx * dx + dy * dy + dz * dz)
        if most >= best:
            return np.inf
        point = members.next[point]
    return most


@kernel
def _sum_to(mine: NDArray[np.float64], x: float, y: float, z: float) -> float:
    """Sum of the distances of all pixels of `mine` to a place."""
    total = 0.0
    for i in range(len(mine)):
        dx, dy, dz = mine[i, X] - x, mine[i, Y] - y, mine[i, Z] - z
        total += mine[i, WEIGHT] * np.sqrt(dx * dx + dy * dy + dz * dz)
    return total


@kernel
def _mean(
    mine: NDArray[np.float64], weight: float, members: Members, other: int, centre: NDArray[np.float64], best: float
) -> float:
    """The squared mean distance of the pairs of pixels; inf where a bound tells that it is `best` or more."""
    point = members.first[other]
    if len(mine) > 1 and members.next[point] != NONE:
        bound = _sum_to(mine, centre[X], centre[Y], centre[Z]) / weight
        if bound * bound * SURE >= best:
            return np.inf
    total = 0.0
    while point != NONE:
        here = members.points[point]
        total += here[WEIGHT] * _sum_to(mine, here[X], here[Y], here[Z])
        point = members.next[point]
    mean: float = total / (weight * centre[WEIGHT])
    return mean * mean


@kernel
def _scan(
    forest: Forest,
    members: Members,
    place: int,
    node: int,
    mine: NDArray[np.float64],
    average: bool,
    best: float,
    found: int,
) -> tuple[float, int]:
    """The better of (best, found) and what a leaf has for the cluster at `place`."""
    clusters, links = forest.clusters, forest.links
    x, y, z, weight = clusters[place, X], clusters[place, Y], clusters[place, Z], clusters[place, WEIGHT]
    spread = members.spread[links[place, ID]]
    for i in range(forest.nodes[node].begin, forest.nodes[node].end):
        if i == place or clusters[i, WEIGHT] == 0.0:
            continue
        other = links[i, ID]
        dx, dy, dz = clusters[i, X] - x, clusters[i, Y] - y, clusters[i, Z] - z
        bound = dx * dx + dy * dy + dz * dz
        if not average:
            bound += spread + members.spread[other]
        if bound * SURE >= best:
            continue
        if average:
            height = _mean(mine, weight, members, other, clusters[i], best)
        else:
            height = _farthest(mine, members, other, best)
        if height < best:
            best, found = height, i
    return best, found


@kernel
def nearest(forest: Forest, members: Members, place: int, average: bool, scratch: Scratch) -> tuple[float, int]:
    """Least squared height from the cluster at `place` to any other, and its place; (inf, NONE) if there is none.

    Walks up from the cluster's own leaf, so that the first bound is a good one. Among equals the first met is taken.
    """
    nodes, centre, stack, bounds = forest.nodes, forest.clusters[place], scratch.stack, scratch.bounds
    cluster = forest.links[place, ID]
    mine = scratch.mine[: _gather(members, cluster, scratch.mine)]
    own = 0.0 if average else members.spread[cluster]
    best, found = np.inf, int(NONE)
    below = int(forest.links[place, LEAF])
    stack[0], bounds[0], top = below, 0.0, 1
    while True:
        while top:
            top -= 1
            if bounds[top] * SURE >= best:
                continue
            node = stack[top]
            a = int(nodes[node].child)
            if a == NONE:
                best, found = _scan(forest, members, place, node, mine, average, best, found)
                continue
            b = a + 1
            bound_a, bound_b = _gap(nodes[a], centre) + own, _gap(nodes[b], centre) + own
            if bound_a < bound_b:
                a, b, bound_a, bound_b = b, a, bound_b, bound_a
            # The nearer one is on top and goes first.
            stack[top], bounds[top] = a, bound_a
            stack[top + 1], bounds[top + 1] = b, bound_b
            top += 2
        if below == ROOT:
            return best, found
        stack[0], bounds[0], top = below ^ 1, _gap(nodes[below ^ 1], centre) + own, 1
        below = int(nodes[below].parent)


@kernel
def _join(forest: Forest, members: Members, a: int, b: int, new_id: int) -> None:
    """Put the union of `a` and the heavier `b` at the place of `b`, and their points into one list."""
    clusters = forest.clusters
    one, other = forest.links[a, ID], forest.links[b, ID]
    share = clusters[a, WEIGHT] / (clusters[a, WEIGHT] + clusters[b, WEIGHT])
    between = 0.0
    for axis in range(3):
        between += (clusters[a, axis] - clusters[b, axis]) ** 2
    within = share * members.spread[one] + (1.0 - share) * members.spread[other]
    members.spread[new_id] = within + share * (1.0 - share) * between
    if members.first[one] > members.first[other]:
        one, other = other, one
    members.next[members.last[one]] = members.first[other]
    members.first[new_id], members.last[new_id] = members.first[one], members.last[other]
    unite(forest, a, b, new_id)


@kernel
def merge(
    forest: Forest,
    members: Members,
    average: bool,
    edges: NDArray[np.int64],
    heights: NDArray[np.float64],
    progress: NDArray[np.int64],
) -> NDArray[np.int64]:
    """Do the E lowest merges; answers the first points of the clusters that are left. Uses up `forest`.

    OUT: `edges` i64[E, 2], a point of each part; `heights` f64[E], never falling. `progress` reaches U + E: each point
    searches once for a first time, as all keys of `forest` are 0 at the beginning.
    """
    scratch = scratch_of(forest, members)
    fit_all(forest)
    done, left = 0, len(members.points)
    while done < len(edges) and not progress[STOP]:
        if left - done <= THIN_AT * len(forest.keys) and len(forest.keys) > LAST_TREE:
            forest = thinned(forest)
            fit_all(forest)
        links = forest.links
        place = least_place(forest)
        near = int(links[place, NEAR])
        if near != NONE and links[near, ID] == links[place, NEAR_ID]:
            edges[done, 0], edges[done, 1] = members.first[links[place, ID]], members.first[links[near, ID]]
            # Rounding can put a height a last digit below the one before.
            height = np.sqrt(forest.keys[place])
            heights[done] = max(height, heights[done - 1]) if done else height
            if forest.clusters[place, WEIGHT] > forest.clusters[near, WEIGHT]:
                place, near = near, place
            _join(forest, members, place, near, left + done)
            refit(forest, place)
            place = near
            done += 1
            progress[DONE] += 1
        elif forest.keys[place] == 0.0:
            progress[DONE] += 1
        key, near = nearest(forest, members, place, average, scratch)
        set_key(forest, place, key, near)
        refit(forest, place)
    standing = forest.links[:, ID]
    left_over: NDArray[np.int64] = members.first[standing[standing != NONE]]
    return left_over


@kernel
def contiguous(first: NDArray[np.int64], members: Members) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(order i64[U], starts i64[K + 1]) of K clusters given by their first points: cluster k has the points
    order[starts[k]:starts[k + 1]]."""
    order, starts = np.empty(len(members.points), np.int64), np.empty(len(first) + 1, np.int64)
    count = 0
    for k in range(len(first)):
        starts[k] = count
        point = first[k]
        while point != NONE:
            order[count] = point
            count += 1
            point = members.next[point]
    starts[len(first)] = count
    return order, starts
