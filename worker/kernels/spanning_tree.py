"""A minimum spanning tree under mutual reachability, max(core(a), core(b), |a - b|), by Borůvka's method on a kd-tree.

Everything is squared and in tree order. First every point leans on a denser one within its core distance: no edge of
the point can be shorter, so these edges belong to a spanning tree, and on images they are most of it. Then, in
rounds, every point looks for the nearest point of another component. What it found, it keeps: the distance can only
grow as components do, so it stays a lower bound, and few points have to look again. (March, Ram and Gray, Fast
Euclidean minimum spanning tree, KDD 2010; Wang, Yu, Gu and Shun, Fast parallel algorithms for EMST and HDBSCAN*,
SIGMOD 2021.)

The largest component is not asked for its way out: every other one finds its own, so that the components are still
halved by each round, and on images that one holds most of the points.

Edges of equal length may be taken in any order: a component that picks an edge is whole among all shorter ones, so
nothing but a cycle within the picked edges can go wrong, and that the union of sets shows.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from worker.kernels import DONE, STOP, kernel
from worker.kernels.dendrogram import find
from worker.kernels.kdtree import LEAF, Tree

NOBODY = -1
MIXED = -1


class Forest(NamedTuple):
    """The components so far. U points in tree order, M nodes; squared distances."""

    core: NDArray[np.float64]  # [U]
    component: NDArray[np.int64]  # [U]: 0..components-1
    reach: NDArray[np.float64]  # [U]: no point of another component is nearer; inf where there is none at all
    partner: NDArray[np.int64]  # [U]: a point at that reach when it was found, or NOBODY
    node_core: NDArray[np.float64]  # [M]: least core distance in the node
    node_component: NDArray[np.int64]  # [M]: component of all its points, or MIXED


@kernel
def plant(tree: Tree, core: NDArray[np.float64]) -> Forest:
    """A forest in which every point stands alone. `core` f64[U], squared, in tree order."""
    size, nodes = len(core), len(tree.begin)
    node_core = np.empty(nodes)
    for node in range(nodes - 1, -1, -1):
        if tree.right[node] == LEAF:
            node_core[node] = core[tree.begin[node] : tree.end[node]].min()
        else:
            node_core[node] = min(node_core[node + 1], node_core[tree.right[node]])
    return Forest(
        core,
        np.arange(size),
        core.copy(),
        np.full(size, NOBODY, np.int64),
        node_core,
        np.full(nodes, MIXED, np.int64),
    )


@kernel
def _square(tree: Tree, a: int, b: int) -> float:
    dx = tree.coords[a, 0] - tree.coords[b, 0]
    dy = tree.coords[a, 1] - tree.coords[b, 1]
    dz = tree.coords[a, 2] - tree.coords[b, 2]
    return float(dx * dx + dy * dy + dz * dz)


@kernel
def _gap(tree: Tree, node: int, low: NDArray[np.float64], high: NDArray[np.float64]) -> float:
    """Least squared distance of the node's box and the box from `low` to `high`."""
    total = 0.0
    for axis in range(3):
        gap = max(tree.low[node, axis] - high[axis], low[axis] - tree.high[node, axis], 0.0)
        total += gap * gap
    return total


@kernel
def _denser_neighbour(tree: Tree, forest: Forest, point: int, stack: NDArray[np.int64]) -> int:
    """Any point within the core distance of `point` that comes before it by (core distance, place), or NOBODY."""
    limit = forest.core[point]
    at = tree.coords[point]
    stack[0] = 0
    depth = 1
    while depth:
        depth -= 1
        node = stack[depth]
        if forest.node_core[node] > limit or _gap(tree, node, at, at) > limit:
            continue
        if tree.right[node] != LEAF:
            # The child that holds the point is looked at first: its neighbours are likely there.
            right = tree.right[node]
            inside = point >= tree.begin[right]
            stack[depth] = node + 1 if inside else right
            stack[depth + 1] = right if inside else node + 1
            depth += 2
            continue
        for other in range(tree.begin[node], tree.end[node]):
            core = forest.core[other]
            if (core < limit or (core == limit and other < point)) and _square(tree, point, other) <= limit:
                return other
    return NOBODY


@kernel
def lean(begin: int, end: int, tree: Tree, forest: Forest, progress: NDArray[np.int64]) -> None:
    """Set the partner of each point begin..end-1 to a denser one within its core distance, if there is one."""
    stack = np.empty(128, np.int64)
    for point in range(begin, end):
        forest.partner[point] = _denser_neighbour(tree, forest, point, stack)
        if point % 256 == 0:
            progress[DONE] += 256
            if progress[STOP]:
                return


@kernel
def best_reaches(forest: Forest, components: int, largest: int) -> NDArray[np.float64]:
    """For each component, f64[components], the shortest way out that is known: an upper bound.

    -1 for the `largest`: none of its points has to look.
    """
    best = np.full(components, np.inf)
    for point in range(len(forest.core)):
        partner = forest.partner[point]
        own = forest.component[point]
        if partner != NOBODY and forest.component[partner] != own:
            best[own] = min(best[own], forest.reach[point])
    best[largest] = -1.0
    return best


@kernel
def _improve(
    forest: Forest, openings: NDArray[np.int64], best: NDArray[np.float64], point: int, other: int, square: float
) -> float:
    """Note that `point` reaches `other`; the largest reach that is left among the points `openings`."""
    own = forest.component[point]
    forest.reach[point], forest.partner[point] = square, other
    best[own] = min(best[own], square)
    limit = 0.0
    for opening in openings:
        component = forest.component[opening]
        if forest.reach[opening] > best[component]:
            forest.reach[opening], forest.partner[opening] = best[component], NOBODY
        limit = max(limit, forest.reach[opening])
    return limit


@kernel
def _search_together(
    tree: Tree, forest: Forest, openings: NDArray[np.int64], best: NDArray[np.float64], stack: NDArray[np.int64]
) -> None:
    """Find the nearest points outside their components for all `openings` in one walk; they lie close together."""
    low, high = tree.coords[openings[0]].copy(), tree.coords[openings[0]].copy()
    component = forest.component[openings[0]]
    limit, core = 0.0, np.inf
    for point in openings:
        if forest.component[point] != component:
            component = MIXED
        limit = max(limit, forest.reach[point])
        core = min(core, forest.core[point])
        for axis in range(3):
            low[axis] = min(low[axis], tree.coords[point, axis])
            high[axis] = max(high[axis], tree.coords[point, axis])
    stack[0] = 0
    depth = 1
    while depth and core < limit:
        depth -= 1
        node = stack[depth]
        if component != MIXED and forest.node_component[node] == component:
            continue
        if forest.node_core[node] >= limit or _gap(tree, node, low, high) >= limit:
            continue
        if tree.right[node] != LEAF:
            right = tree.right[node]
            nearer = _gap(tree, right, low, high) < _gap(tree, node + 1, low, high)
            stack[depth] = node + 1 if nearer else right
            stack[depth + 1] = right if nearer else node + 1
            depth += 2
            continue
        for other in range(tree.begin[node], tree.end[node]):
            core_other = forest.core[other]
            for point in openings:
                reach = forest.reach[point]
                if core_other >= reach or forest.component[other] == forest.component[point]:
                    continue
                square = max(_square(tree, point, other), core_other, forest.core[point])
                if square < reach:
                    limit = _improve(forest, openings, best, point, other, square)


@kernel
def search(
    leaves: NDArray[np.int64], tree: Tree, forest: Forest, best: NDArray[np.float64], progress: NDArray[np.int64]
) -> None:
    """Let the points of `leaves` look for the nearest point outside their components, where it is below `best`.

    `best` is the caller's own copy and is lowered. OUT: `reach` and `partner` of these points. Progress counts points.
    """
    stack = np.empty(128, np.int64)
    openings = np.empty(tree.end[leaves[0]] - tree.begin[leaves[0]], np.int64)
    for leaf in leaves:
        size = tree.end[leaf] - tree.begin[leaf]
        if size > len(openings):
            openings = np.empty(size, np.int64)
        count = 0
        for point in range(tree.begin[leaf], tree.end[leaf]):
            own, partner = forest.component[point], forest.partner[point]
            inward = partner == NOBODY or forest.component[partner] == own
            if inward and forest.reach[point] < best[own]:
                forest.reach[point], forest.partner[point] = best[own], NOBODY
                openings[count] = point
                count += 1
        if count:
            _search_together(tree, forest, openings[:count], best, stack)
        progress[DONE] += size
        if progress[STOP]:
            return


@kernel
def join_leaning(forest: Forest, parent: NDArray[np.int64], edges: NDArray[np.int64]) -> int:
    """Join all points to their partners; how many edges that makes. OUT: `parent` i64[U], `edges` i64[U - 1, 2]."""
    count = 0
    for point in range(len(forest.core)):
        partner = forest.partner[point]
        if partner != NOBODY:
            parent[find(parent, point)] = find(parent, partner)
            edges[count] = point, partner
            count += 1
    return count


@kernel
def join_nearest(
    forest: Forest, components: int, largest: int, parent: NDArray[np.int64], edges: NDArray[np.int64], count: int
) -> int:
    """Join each component but the `largest` by its shortest way out; the new number of edges.

    OUT: `parent`, `edges[count:]`.
    """
    pick = np.full(components, NOBODY, np.int64)
    for point in range(len(forest.core)):
        own, partner = forest.component[point], forest.partner[point]
        if partner == NOBODY or own == largest or forest.component[partner] == own:
            continue
        if pick[own] == NOBODY or forest.reach[point] < forest.reach[pick[own]]:
            pick[own] = point
    for component in range(components):
        if component == largest:
            continue
        a, b = pick[component], forest.partner[pick[component]]
        if find(parent, a) != find(parent, b):
            parent[find(parent, a)] = find(parent, b)
            edges[count] = a, b
            count += 1
    return count


@kernel
def number_components(tree: Tree, forest: Forest, parent: NDArray[np.int64]) -> tuple[int, int]:
    """Bring the components of points and nodes up to date with the disjoint sets `parent`.

    Returns how many there are, and the one of the most points.
    """
    number = np.full(len(parent), -1, np.int64)
    sizes = np.zeros(len(parent), np.int64)
    components = 0
    for point in range(len(parent)):
        root = find(parent, point)
        if number[root] < 0:
            number[root] = components
            components += 1
        forest.component[point] = number[root]
        sizes[number[root]] += 1
    for node in range(len(tree.begin) - 1, -1, -1):
        if tree.right[node] != LEAF:
            same = forest.node_component[node + 1] == forest.node_component[tree.right[node]]
            forest.node_component[node] = forest.node_component[node + 1] if same else MIXED
            continue
        forest.node_component[node] = forest.component[tree.begin[node]]
        for point in range(tree.begin[node], tree.end[node]):
            if forest.component[point] != forest.node_component[node]:
                forest.node_component[node] = MIXED
                break
    return components, int(np.argmax(sizes))


@kernel
def lengths(tree: Tree, forest: Forest, edges: NDArray[np.int64]) -> NDArray[np.float64]:
    """Squared lengths f64[E] under mutual reachability of `edges` i64[E, 2], in tree order."""
    squares = np.empty(len(edges))
    for i in range(len(edges)):
        a, b = edges[i]
        squares[i] = max(forest.core[a], forest.core[b], _square(tree, a, b))
    return squares


@kernel
def in_order(edges: NDArray[np.int64], order: NDArray[np.int64], number: NDArray[np.int64]) -> NDArray[np.int64]:
    """The edges in that order, with their ends numbered anew."""
    ordered = np.empty_like(edges)
    for i in range(len(order)):
        ordered[i, 0], ordered[i, 1] = number[edges[order[i], 0]], number[edges[order[i], 1]]
    return ordered
