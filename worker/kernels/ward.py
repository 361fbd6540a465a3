"""Ward's agglomeration of weighted points, in the order of the heights.

Each cluster has a *key*, and of any two clusters one has a key no larger than the height at which they could merge:
it answers for the pair. So the smallest of all keys, once it is exact, is the next merge. A new cluster searches for
the least height among the pairs that no other key answers for; a cluster whose partner has gone searches again when
its old key, by then a lower bound, is the smallest. At the start the lighter of two answers, as for it Ward's height
is within sqrt(2) of sqrt(weight) times the distance and a kd-tree prunes well. Later, a node where all keys are small
beside the distance is passed by: a heavy cluster need not search among the many light ones around it.

Where the clusters stand, and how they are found: `worker.kernels.forest`.

Squared height of a merge: 2 a b / (a + b) |centre_a - centre_b|^2 for weights a and b, as in scipy and
scikit-learn (Ward 1963). It is reducible (Bruynooghe 1978): a merge at the smallest height brings no cluster nearer
to any third one than the nearer of its parts was. So a key that answered for both parts of a merge answers for the
union too, and the union, by searching at once, answers for the rest.
"""

from typing import Any, TypeAlias

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
    down,
    fit_all,
    least_place,
    refit,
    set_key,
    thinned,
    unite,
    up,
)

# Rounding must not make a lower bound too large.
TWICE = np.float32(2.0 - 2.0**-18)
ZERO, NEVER = np.float32(0.0), np.float32(np.inf)

Corner: TypeAlias = tuple[np.float32, np.float32, np.float32]


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
    low, high, light = (down(x), down(y), down(z)), (up(x), up(y), up(z)), down(weight)
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
def search_all(begin: int, end: int, forest: Forest, progress: NDArray[np.int64]) -> None:
    """OUT: keys and links of the places begin..end-1: the least height to a cluster at least as heavy."""
    stack = np.empty(len(forest.nodes) + 2, np.int64)
    bounds = np.empty(len(forest.nodes) + 2, np.float32)
    for place in range(begin, end):
        key, near = _search(forest, place, True, stack, bounds)
        set_key(forest, place, key, near)
        if place % 256 == 0:
            progress[DONE] = place - begin
            if progress[STOP]:
                return


@kernel
def merge(forest: Forest, merges: NDArray[np.int64], heights: NDArray[np.float64], progress: NDArray[np.int64]) -> None:
    """Do all U - 1 merges. Uses up `forest`.

    OUT: `merges` i64[U - 1, 2], the ids of the parts, smaller first; `heights` f64[U - 1], squared, and never
    falling. The union's id is U + merge. `progress` grows by 1 a merge.
    """
    leaves = len(merges) + 1
    stack = np.empty(len(forest.nodes) + 2, np.int64)
    bounds = np.empty(len(forest.nodes) + 2, np.float32)
    fit_all(forest)
    done = 0
    while done < len(merges) and not progress[STOP]:
        if leaves - done <= THIN_AT * len(forest.keys) and len(forest.keys) > LAST_TREE:
            forest = thinned(forest)
            fit_all(forest)
        clusters, keys, links = forest.clusters, forest.keys, forest.links
        place = least_place(forest)
        near = int(links[place, NEAR])
        if near != NONE and links[near, ID] == links[place, NEAR_ID]:
            one, other = links[place, ID], links[near, ID]
            merges[done, 0], merges[done, 1] = min(one, other), max(one, other)
            # Rounding can put a height a last digit below the one before.
            heights[done] = max(keys[place], heights[done - 1]) if done else keys[place]
            if clusters[place, WEIGHT] > clusters[near, WEIGHT]:
                place, near = near, place
            unite(forest, place, near, leaves + done)
            refit(forest, place)
            place = near
            done += 1
            progress[DONE] = done
        key, near = _search(forest, place, False, stack, bounds)
        set_key(forest, place, key, near)
        refit(forest, place)
