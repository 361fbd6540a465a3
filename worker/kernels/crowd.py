"""Core distances of a leaf's points where only few others are needed: all that still matter are measured.

Any points bound a core distance from above, and those next in tree order bound it well. Core distances of two points
differ by no more than the points are apart: so each bound helps with the next one. What is within the bounds is
gathered for the whole leaf, and what is within a point's own bound is selected from.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from worker.kernels import kernel
from worker.kernels.kdtree import Tree
from worker.kernels.quickselect import weighted_select

_FELLOWS = 24
"""So many points before and after a leaf, in tree order, tell how far its own must reach at most."""

_ASKED = 4
"""So many points before it, whose bounds are known, tell where to begin with a point's own."""

_ROUNDS = 5
"""Halvings of what is between a bound and nothing."""

_SLACK = 1 + 1e-9
"""By how much a bound on squares is widened: it was rounded."""


class Crowd(NamedTuple):
    """Points that matter to a leaf, in no order. C places."""

    x: NDArray[np.float64]  # [C]
    y: NDArray[np.float64]
    z: NDArray[np.float64]
    weight: NDArray[np.int64]  # [C]
    square: NDArray[np.float64]  # [C], scratch: squared distance from the query
    value: NDArray[np.float64]  # [C + 1], scratch: those within the bound
    share: NDArray[np.int64]  # [C + 1], scratch: their weights


@kernel
def new_crowd(most: int) -> Crowd:
    """Room for `most` points."""
    return Crowd(
        np.empty(most),
        np.empty(most),
        np.empty(most),
        np.empty(most, np.int64),
        np.empty(most),
        np.empty(most + 1),
        np.empty(most + 1, np.int64),
    )


@kernel
def _gather(tree: Tree, leaf: int, nodes: NDArray[np.int64], most: float, crowd: Crowd) -> int:
    """Fill in the points of `nodes` within the squared distance `most` of the leaf's box; how many."""
    coords, weights = tree.coords, tree.weights
    xs, ys, zs, weight = crowd.x, crowd.y, crowd.z, crowd.weight
    left, front, bottom = tree.low[leaf, 0], tree.low[leaf, 1], tree.low[leaf, 2]
    right, back, top = tree.high[leaf, 0], tree.high[leaf, 1], tree.high[leaf, 2]
    size = 0
    for node in nodes:
        dx = max(tree.low[node, 0] - right, left - tree.high[node, 0], 0.0)
        dy = max(tree.low[node, 1] - back, front - tree.high[node, 1], 0.0)
        dz = max(tree.low[node, 2] - top, bottom - tree.high[node, 2], 0.0)
        if dx * dx + dy * dy + dz * dz > most:
            continue
        for i in range(tree.begin[node], tree.end[node]):
            x, y, z = coords[i, 0], coords[i, 1], coords[i, 2]
            xs[size], ys[size], zs[size], weight[size] = x, y, z, weights[i]
            dx, dy, dz = max(x - right, left - x, 0.0), max(y - back, front - y, 0.0), max(z - top, bottom - z, 0.0)
            size += dx * dx + dy * dy + dz * dz <= most
    return size


@kernel
def _window(tree: Tree, begin: int, end: int, crowd: Crowd) -> int:
    """Fill in the points begin..end-1; their weight."""
    total = 0
    for i in range(begin, end):
        to = i - begin
        crowd.x[to], crowd.y[to], crowd.z[to] = tree.coords[i, 0], tree.coords[i, 1], tree.coords[i, 2]
        crowd.weight[to] = tree.weights[i]
        total += tree.weights[i]
    return total


@kernel
def _measure(crowd: Crowd, size: int, x: float, y: float, z: float) -> None:
    """Fill in `square`. Compiles to vector instructions."""
    xs, ys, zs, squares = crowd.x[:size], crowd.y[:size], crowd.z[:size], crowd.square[:size]
    for i in range(size):
        dx, dy, dz = xs[i] - x, ys[i] - y, zs[i] - z
        squares[i] = dx * dx + dy * dy + dz * dz


@kernel
def _narrow(
    values: NDArray[np.float64], weights: NDArray[np.int64], needed: int, high: float, rounds: int
) -> tuple[float, float, int]:
    """(low, high, weight up to low): the weights up to `low` are less than `needed`, those up to `high` are not.

    Where those up to the given `high` are enough; where they are not, it comes back as it is. Vector instructions.
    """
    low, least, below = -1.0, 0.0, 0
    for _ in range(rounds):
        middle = 0.5 * (least + high)
        total = 0
        for i in range(len(values)):
            total += weights[i] if values[i] <= middle else 0
        if total >= needed:
            high = middle
        else:
            low = least = middle
            below = total
    return low, high, below


@kernel
def _within(
    square: NDArray[np.float64],
    weight: NDArray[np.int64],
    low: float,
    high: float,
    value: NDArray[np.float64],
    share: NDArray[np.int64],
) -> int:
    """Copy what is above `low` and up to `high` to `value` and `share`, which may be where it comes from; how many.

    No branch could be foreseen, so there is none.
    """
    count = 0
    for i in range(len(square)):
        here = square[i]
        value[count], share[count] = here, weight[i]
        count += (here > low) & (here <= high)
    return count


@kernel
def _lipschitz(coords: NDArray[np.float64], begin: int, query: int, squares: NDArray[np.float64]) -> float:
    """No less than the squared core distance of the point `query`, by those of begin..query-1."""
    x, y, z = coords[query, 0], coords[query, 1], coords[query, 2]
    least = np.inf
    for other in range(begin, query):
        dx, dy, dz = coords[other, 0] - x, coords[other, 1] - y, coords[other, 2] - z
        least = min(least, np.sqrt(dx * dx + dy * dy + dz * dz) + np.sqrt(squares[other]))
    return float(least * least * _SLACK)


@kernel
def _bounds(tree: Tree, leaf: int, crowd: Crowd, own: int, high: float, squares: NDArray[np.float64]) -> float:
    """Set the squares of the leaf's points to no less than they are, by their fellows in tree order; the largest."""
    coords = tree.coords
    begin, end = max(tree.begin[leaf] - _FELLOWS, 0), min(tree.end[leaf] + _FELLOWS, len(coords))
    if _window(tree, begin, end, crowd) < own:
        squares[tree.begin[leaf] : tree.end[leaf]] = high
        return high
    square, weight = crowd.square[: end - begin], crowd.weight[: end - begin]
    largest = 0.0
    for query in range(tree.begin[leaf], tree.end[leaf]):
        _measure(crowd, end - begin, coords[query, 0], coords[query, 1], coords[query, 2])
        # Some of the fellows' own bounds tell where to begin; none of them is known for the first.
        bound = min(square.max(), _lipschitz(coords, max(tree.begin[leaf], query - _ASKED), query, squares))
        squares[query] = min(high, _narrow(square, weight, own, bound, _ROUNDS)[1])
        largest = max(largest, squares[query])
    return largest


@kernel
def solve_few(
    tree: Tree,
    leaf: int,
    nodes: NDArray[np.int64],
    crowd: Crowd,
    needed: int,
    own: int,
    high: float,
    squares: NDArray[np.float64],  # OUT
) -> None:
    """Squared core distances, up to `high`, of the points in `leaf`, which need `needed` from the points of `nodes`.

    Among all points they need `own`. `crowd` has room for all points of `nodes`.
    """
    size = _gather(tree, leaf, nodes, _bounds(tree, leaf, crowd, own, high, squares), crowd)
    square, weight, value, share = crowd.square[:size], crowd.weight[:size], crowd.value, crowd.share
    for query in range(tree.begin[leaf], tree.end[leaf]):
        _measure(crowd, size, tree.coords[query, 0], tree.coords[query, 1], tree.coords[query, 2])
        count = _within(square, weight, -1.0, squares[query], value, share)
        low, most, below = _narrow(value[:count], share[:count], needed, squares[query], _ROUNDS)
        count = _within(value[:count], share[:count], low, most, value, share)
        squares[query] = weighted_select(value, share, count, needed - below)
