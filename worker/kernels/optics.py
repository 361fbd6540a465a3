"""The OPTICS walk: always on to the unvisited point with the smallest weight from any visited one.

The weight of a step o -> p is max(core(o), |o - p|). Every visited point offers itself to the unvisited ones around
it, first within its core distance, and in widening rings only when nothing nearer is on offer: no neighbourhood is
stored. The unvisited points stand in a kd-tree whose nodes know the best and the worst offer below, so that the next
step stands at the root, and whole nodes that have better offers are passed by. (That a visited point can wait with a
lower bound is the lazy heap of DeLiClu, Achtert, Böhm and Kröger, PAKDD 2006, and of Schubert, SISAP 2024.)

Ties are broken as in scikit-learn, which takes the lowest index among the smallest reachabilities and keeps the
earliest of equal predecessors. A `rank` is a point's place in the order of first pixels; a `time` is the number of
visits before. Reachabilities are distances rounded to 15 decimals, because scikit-learn rounds there.

Around most points `worker.kernels.relative_neighbors` knows beforehand, on all threads, to whom an offer may ever
matter: these need rings only beyond, if at all.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from worker.kernels import DONE, STOP, inline, kernel
from worker.kernels.kdtree import LEAF, Tree
from worker.kernels.relative_neighbors import Neighbors

NOBODY = 2**31 - 1

RIGHT, PARENT, BEGIN, END = 0, 1, 2, 3
_TICK = 256
# How much wider the next ring of offers is. Narrow ones are asked for often, wide ones make offers in vain.
_WIDENING = 2.0
# The first ring, in diagonals of a leaf.
_FIRST_RING = 0.35


class Crowd(NamedTuple):
    """The unvisited points in a kd-tree; in every leaf they stand before the visited ones. M nodes, U points."""

    box: NDArray[np.float64]  # [M, 6]: low x, y, z, high x, y, z
    node: NDArray[np.int32]  # [M, 4]: right child or LEAF, parent or -1, first place, end of the unvisited places
    at: NDArray[np.float64]  # [U, 4]: by place: coordinates, best offer so far, inf where there is none
    who: NDArray[np.int32]  # [U, 2]: by place: rank, time of the one who made the offer
    place: NDArray[np.int32]  # [U]: rank -> place
    leaf: NDArray[np.int32]  # [U]: rank -> leaf
    offer: NDArray[np.float64]  # [M, 2]: smallest, and no less than the largest offer below; inf, -1 where all visited
    first: NDArray[np.int32]  # [M]: rank of who has the smallest, the lowest


class Walk(NamedTuple):
    """What the walk found, in the order of visits."""

    visited: NDArray[np.int64]  # [U]: rank
    reachability: NDArray[np.float64]  # [U]: inf where nothing led here
    predecessor: NDArray[np.int64]  # [U]: time of the visit that led here, -1 where nothing did


@kernel
def gather(tree: Tree) -> Crowd:
    """All points unvisited and without an offer. The points of the tree are numbered by rank."""
    nodes, size = len(tree.begin), len(tree.order)
    crowd = Crowd(
        np.empty((nodes, 6)),
        np.empty((nodes, 4), np.int32),
        np.empty((size, 4)),
        np.empty((size, 2), np.int32),
        np.empty(size, np.int32),
        np.empty(size, np.int32),
        np.empty((nodes, 2)),
        np.empty(nodes, np.int32),
    )
    for place in range(size):
        for axis in range(3):
            crowd.at[place, axis] = tree.coords[place, axis]
        crowd.at[place, 3] = np.inf
        crowd.who[place, 0], crowd.who[place, 1] = tree.order[place], NOBODY
        crowd.place[tree.order[place]] = place
    crowd.node[0, PARENT] = -1
    for i in range(nodes):
        for axis in range(3):
            crowd.box[i, axis], crowd.box[i, 3 + axis] = tree.low[i, axis], tree.high[i, axis]
        crowd.node[i, RIGHT], crowd.node[i, BEGIN], crowd.node[i, END] = tree.right[i], tree.begin[i], tree.end[i]
        if tree.right[i] != LEAF:
            crowd.node[i + 1, PARENT] = crowd.node[tree.right[i], PARENT] = i
    for i in range(nodes - 1, -1, -1):
        if tree.right[i] == LEAF:
            crowd.leaf[tree.order[tree.begin[i] : tree.end[i]]] = i
            _sum_up_leaf(crowd, i)
        else:
            _sum_up(crowd, i)
    return crowd


@kernel
def _sum_up_leaf(crowd: Crowd, leaf: int) -> bool:
    """The best and the worst offer in a leaf; whether that is new."""
    best, first, worst = np.inf, NOBODY, -1.0
    for i in range(crowd.node[leaf, BEGIN], crowd.node[leaf, END]):
        offer, rank = crowd.at[i, 3], crowd.who[i, 0]
        if offer < best or (offer == best and rank < first):
            best, first = offer, rank
        worst = max(worst, offer)
    changed = best != crowd.offer[leaf, 0] or worst != crowd.offer[leaf, 1] or first != crowd.first[leaf]
    crowd.offer[leaf, 0], crowd.offer[leaf, 1], crowd.first[leaf] = best, worst, first
    return bool(changed)


@kernel
def _sum_up(crowd: Crowd, node: int) -> bool:
    """The best and the worst offer below an inner node, from its children; whether that is new."""
    offer, first = crowd.offer, crowd.first
    a, b = node + 1, crowd.node[node, RIGHT]
    best = a if offer[a, 0] < offer[b, 0] or (offer[a, 0] == offer[b, 0] and first[a] < first[b]) else b
    worst = max(offer[a, 1], offer[b, 1])
    changed = offer[node, 0] != offer[best, 0] or offer[node, 1] != worst or first[node] != first[best]
    offer[node, 0], offer[node, 1], first[node] = offer[best, 0], worst, first[best]
    return bool(changed)


@kernel
def _tell(crowd: Crowd, leaf: int) -> None:
    """Sum up a leaf that has changed, and what is above as far as it changes."""
    changed = _sum_up_leaf(crowd, leaf)
    node = crowd.node[leaf, PARENT]
    while changed and node >= 0:
        changed = _sum_up(crowd, node)
        node = crowd.node[node, PARENT]


@kernel
def _leave(crowd: Crowd, rank: int) -> None:
    """Take a point out of the crowd."""
    leaf = crowd.leaf[rank]
    crowd.node[leaf, END] -= 1
    last, gap = crowd.node[leaf, END], crowd.place[rank]
    crowd.place[crowd.who[last, 0]], crowd.place[rank] = gap, last
    for i in range(4):
        crowd.at[gap, i], crowd.at[last, i] = crowd.at[last, i], crowd.at[gap, i]
    for i in range(2):
        crowd.who[gap, i], crowd.who[last, i] = crowd.who[last, i], crowd.who[gap, i]
    crowd.at[last, 3] = -1.0  # nobody has a better offer
    _tell(crowd, leaf)


@inline
def _rounded(squared: float) -> float:
    """A distance as scikit-learn keeps it: np.around(distance, 15)."""
    return float(np.rint(np.sqrt(squared) * 1e15) / 1e15)


@inline
def _surely_above(distance: float) -> float:
    """No squared distance above this is rounded to `distance` or less."""
    edge = distance * (1 + 2e-15) + 2e-15
    return edge * edge


@inline
def _nearness(box: NDArray[np.float64], node: int, x: float, y: float, z: float) -> float:
    """Squared distance from a point to the node's box; 0 inside."""
    dx = max(box[node, 0] - x, x - box[node, 3], 0.0)
    dy = max(box[node, 1] - y, y - box[node, 4], 0.0)
    dz = max(box[node, 2] - z, z - box[node, 5], 0.0)
    return float(dx * dx + dy * dy + dz * dz)


@kernel
def _offer_around(
    crowd: Crowd, source: int, time: int, newest: bool, core: float, reach: float, stack: NDArray[np.int64]
) -> None:
    """Offer max(core, |source - p|) to every unvisited p within the squared distance `reach` that has nothing better.

    As good an offer of an earlier visit is better: so the `newest` visit needs to improve, and an older one may win a
    tie. Where the worst offer is as good as `core`, older ones have made theirs. `stack` is scratch, [M].
    """
    home = crowd.place[source]
    x, y, z = crowd.at[home, 0], crowd.at[home, 1], crowd.at[home, 2]
    stack[0] = 0
    waiting = 1
    while waiting > 0:
        waiting -= 1
        node = stack[waiting]
        right = crowd.node[node, RIGHT]
        if right == LEAF:
            if _offer_in_leaf(crowd, node, time, core, reach, x, y, z):
                _tell(crowd, node)
            continue
        for side in range(2):
            child = node + 1 if side == 0 else int(right)
            worst = crowd.offer[child, 1]
            if worst <= core:
                continue
            near = _nearness(crowd.box, child, x, y, z)
            if near > reach:
                continue
            if near >= 0.999 * worst * worst or worst < 1e-9:  # too near for squares: they are not rounded
                least = max(core, _rounded(near))
                if worst < least or (worst == least and newest):
                    continue
            stack[waiting] = child
            waiting += 1


@inline
def _offer_in_leaf(crowd: Crowd, leaf: int, time: int, core: float, reach: float, x: float, y: float, z: float) -> bool:
    """The offers in one leaf; whether one was taken."""
    at, who = crowd.at, crowd.who
    changed = False
    for i in range(crowd.node[leaf, BEGIN], crowd.node[leaf, END]):
        dx, dy, dz = at[i, 0] - x, at[i, 1] - y, at[i, 2] - z
        squared = dx * dx + dy * dy + dz * dz
        if squared > reach or at[i, 3] < core:
            continue
        key = max(core, _rounded(squared))
        if key < at[i, 3] or (key == at[i, 3] and time < who[i, 1]):
            at[i, 3], who[i, 1] = key, time
            changed = True
    return bool(changed)


@kernel
def _offer_to(crowd: Crowd, source: int, time: int, core: float, farthest: float, neighbors: NDArray[np.int32]) -> None:
    """The newest visit's offers to the unvisited among its neighbours, within the squared distance `farthest`.

    The smallest offers are told to the nodes above. That the largest may have become smaller they need not know.
    """
    at, offer, first = crowd.at, crowd.offer, crowd.first
    home = crowd.place[source]
    x, y, z = at[home, 0], at[home, 1], at[home, 2]
    for rank in neighbors:
        i = crowd.place[rank]
        if at[i, 3] <= core:
            continue
        dx, dy, dz = at[i, 0] - x, at[i, 1] - y, at[i, 2] - z
        squared = dx * dx + dy * dy + dz * dz
        key = max(core, _rounded(squared))
        if squared > farthest or key >= at[i, 3]:
            continue
        at[i, 3], crowd.who[i, 1] = key, time
        node = crowd.leaf[rank]
        while node >= 0 and (key < offer[node, 0] or (key == offer[node, 0] and rank < first[node])):
            offer[node, 0], first[node] = key, rank
            node = crowd.node[node, PARENT]


@kernel
def _sift_up(keys: NDArray[np.float64], times: NDArray[np.int64], i: int, key: float, time: int) -> None:
    """Put (key, time) into the heap, whose free place is i."""
    while i > 0:
        parent = (i - 1) >> 1
        if keys[parent] <= key:
            break
        keys[i], times[i] = keys[parent], times[parent]
        i = parent
    keys[i], times[i] = key, time


@kernel
def _sift_down(keys: NDArray[np.float64], times: NDArray[np.int64], size: int, key: float, time: int) -> None:
    """Put (key, time) into the heap in place of its top."""
    i = 0
    while True:
        child = 2 * i + 1
        if child >= size:
            break
        if child + 1 < size and keys[child + 1] < keys[child]:
            child += 1
        if key <= keys[child]:
            break
        keys[i], times[i] = keys[child], times[child]
        i = child
    keys[i], times[i] = key, time


@kernel
def _first_ring(crowd: Crowd, rank: int) -> float:
    """A radius that holds a few neighbours: a share of the first box around that is no point; else inf."""
    node = crowd.leaf[rank]
    while node >= 0:
        squared = 0.0
        for axis in range(3):
            side = crowd.box[node, axis + 3] - crowd.box[node, axis]
            squared += side * side
        if squared > 0:
            return float(_FIRST_RING * np.sqrt(squared))
        node = crowd.node[node, PARENT]
    return np.inf


@kernel
def walk(
    crowd: Crowd, cores: NDArray[np.float64], neighbors: Neighbors, max_eps: float, progress: NDArray[np.int64]
) -> Walk:
    """Visit all points. `cores` f64[U]: rank -> core distance, rounded; inf where there is none.

    The heap holds visited points by the radius within which all have had their offer. OUT: `crowd` is used up.
    """
    size = len(cores)
    visited = np.empty(size, np.int64)
    reachability = np.full(size, np.inf)
    predecessor = np.full(size, -1)
    radii = np.empty(size)
    times = np.empty(size, np.int64)
    stack = np.empty(len(crowd.node), np.int64)
    farthest = max_eps * max_eps
    waiting = time = turns = 0
    while time < size:
        turns += 1
        if turns % _TICK == 0:
            progress[DONE] = time
            if progress[STOP]:
                break
        best, target = crowd.offer[0, 0], int(crowd.first[0])
        if waiting > 0 and radii[0] < best:
            source = times[0]
            rank = visited[source]
            radius = max(_WIDENING * radii[0], _first_ring(crowd, rank))
            reach = min(_surely_above(radius), farthest)
            _offer_around(crowd, rank, source, False, cores[rank], reach, stack)
            if reach >= farthest or radius >= neighbors.last[rank]:
                waiting -= 1
                radius, source = radii[waiting], times[waiting]
            if waiting > 0:
                _sift_down(radii, times, waiting, radius, source)
            continue
        visited[time] = target
        if best < np.inf:
            reachability[time] = best
            predecessor[time] = crowd.who[crowd.place[target], 1]
        _leave(crowd, target)
        core = cores[target]
        if core < np.inf:
            radius = neighbors.known[target]
            if radius > 0:
                listed = neighbors.to[neighbors.begin[target] : neighbors.end[target]]
                _offer_to(crowd, target, time, core, farthest, listed)
            elif core > 0:
                radius = core
                _offer_around(crowd, target, time, True, core, min(_surely_above(core), farthest), stack)
            if radius < neighbors.last[target]:
                _sift_up(radii, times, waiting, radius, time)
                waiting += 1
        time += 1
    progress[DONE] = time
    return Walk(visited, reachability, predecessor)
