"""Which steps the OPTICS walk may ever take: each point's relative neighbours.

A step o -> p has the weight w(o, p) = max(core(o), |o - p|). A third point q rules it out if w(o, q) < w(o, p) and
w(q, p) < w(o, p). (Toussaint, 'The relative neighbourhood graph of a finite planar set', Pattern Recognition 1980,
with weights that have a direction.) The walk is the same without such steps, ties included. When it goes on to p, the
smallest weight that leads to an unvisited point, w, is that of a step from a visited o. If q ruled this step out, q
would be visited, and w(q, p) < w lead to p, or it would be unvisited, and w(o, q) < w lead to q: either is smaller than
the smallest. So all steps of the weight w to p have been kept, the earliest of them too; and what is left out makes no
other point's smallest weight smaller. That a step of q may have been left out in turn does not matter: it is the whole
graph that the argument is about.

What is found here need only be certain, not complete, so lengths are compared with margins that are wider than what
single precision and the walk's own rounding can add up to.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from worker.kernels import DONE, STOP, inline, kernel
from worker.kernels.kdtree import LEAF, Tree

_RADIUS = 0.5
"""How far neighbours are looked for, in diagonals of the leaf's box."""

_MOST_AROUND = 2048
"""A leaf with more points around it, a multiple of 8, stays without neighbours: sparse points may meet dense ones."""

_MOST_LISTED = 32
"""A point with more neighbours stays without: those within its core distance all are."""

_BUCKETS = 16
"""By so many steps of squared distance neighbours are sorted: nearer ones rule out more."""

_LANES = 32
"""Single-precision values in an unrolled vector step."""

_MARGIN = 1e-5
"""Squares must be smaller by this share to be surely smaller. Smaller ones than its square are not compared."""

_SLACK = 1.001
"""By how much last radii are longer than they have to be."""


class Neighbors(NamedTuple):
    """Of all U points, by rank; S steps."""

    begin: NDArray[np.int64]  # [U]: the point's neighbours are to[begin:end]
    end: NDArray[np.int64]  # [U]
    to: NDArray[np.int32]  # [S]: ranks
    known: NDArray[np.float64]  # [U]: the radius within which all neighbours are listed; 0 where none are
    last: NDArray[np.float64]  # [U]: the radius beyond which there are none; inf where there is none known


class Around(NamedTuple):
    """Scratch: points around a leaf, C = _MOST_AROUND places and a spare one for what is not kept."""

    position: NDArray[np.int64]  # [C + 1]: in tree order
    x: NDArray[np.float32]  # [C + 1], relative to the corner of the leaf's box, as y and z
    y: NDArray[np.float32]
    z: NDArray[np.float32]
    near: NDArray[np.uint8]  # [C]: 1 for those near the point at hand
    eight: NDArray[np.uint64]  # [C / 8]: the same, eight at a time
    found: NDArray[np.int64]  # [C + 1]: positions of those near
    stack: NDArray[np.int64]  # [M]


class Ball(NamedTuple):
    """Scratch: points around a point, about in order of their distances, C = _MOST_AROUND places."""

    position: NDArray[np.int64]  # [C]: in tree order
    x: NDArray[np.float32]  # [C], relative to the point, as y and z
    y: NDArray[np.float32]
    z: NDArray[np.float32]
    square: NDArray[np.float32]  # [C]: squared distance
    bound: NDArray[np.float32]  # [C]: smaller squares rule it out; 0 where none can, -1 where one has
    slot: NDArray[np.int64]  # [_BUCKETS + 1]
    cover: NDArray[np.float32]  # [D]: by direction: 1 / the radius from which on it is covered


def _cells(fineness: int) -> tuple[NDArray[np.float32], float]:
    """Centres of cells that cover the sphere, unit vectors f32[3, D]; the largest angle from a centre within its cell.

    The faces of a cube are cut into squares that look equally wide from its middle.
    """
    cuts = np.tan(np.linspace(-np.pi / 4, np.pi / 4, 2 * fineness + 1))
    u, v = (axis.ravel() for axis in np.meshgrid(np.arange(fineness), np.arange(fineness)))
    centers = _face(cuts[2 * u + 1], cuts[2 * v + 1])
    cosines = [np.sum(centers * _face(cuts[2 * (u + i)], cuts[2 * (v + j)]), axis=1) for i in (0, 1) for j in (0, 1)]
    sides = [side * np.roll(centers, axis, axis=1) for axis in range(3) for side in (-1, 1)]
    return np.concatenate(sides).T.astype(np.float32).copy(), float(np.arccos(np.min(cosines)))


def _face(across: NDArray[np.float64], down: NDArray[np.float64]) -> NDArray[np.float64]:
    """Unit vectors f64[n, 3] to places on one face of the cube."""
    vectors = np.column_stack([np.ones(len(across)), across, down])
    unit: NDArray[np.float64] = vectors / np.linalg.norm(vectors, axis=1)[:, None]
    return unit


_DIRECTIONS, _SPREAD = _cells(4)
_COS, _SIN = np.float32(np.cos(_SPREAD)), np.float32(np.sin(_SPREAD))


@kernel
def _diagonal(tree: Tree, node: int) -> float:
    """Of the node's box."""
    dx = tree.high[node, 0] - tree.low[node, 0]
    dy = tree.high[node, 1] - tree.low[node, 1]
    dz = tree.high[node, 2] - tree.low[node, 2]
    return float(np.sqrt(dx * dx + dy * dy + dz * dz))


@kernel
def _look_around(tree: Tree, leaf: int, margin: float, around: Around) -> int:
    """Fill in the points within `margin` of the leaf's box; returns how many, -1 for too many."""
    most = margin * margin
    x, y, z = tree.low[leaf, 0], tree.low[leaf, 1], tree.low[leaf, 2]
    right, back, top = tree.high[leaf, 0], tree.high[leaf, 1], tree.high[leaf, 2]
    count = 0
    around.stack[0] = 0
    waiting = 1
    while waiting > 0:
        waiting -= 1
        node = around.stack[waiting]
        dx = max(tree.low[node, 0] - right, x - tree.high[node, 0], 0.0)
        dy = max(tree.low[node, 1] - back, y - tree.high[node, 1], 0.0)
        dz = max(tree.low[node, 2] - top, z - tree.high[node, 2], 0.0)
        if dx * dx + dy * dy + dz * dz > most:
            continue
        if tree.right[node] != LEAF:
            around.stack[waiting], around.stack[waiting + 1] = tree.right[node], node + 1
            waiting += 2
            continue
        if count + tree.end[node] - tree.begin[node] > _MOST_AROUND:
            return -1
        for i in range(tree.begin[node], tree.end[node]):
            px, py, pz = tree.coords[i, 0], tree.coords[i, 1], tree.coords[i, 2]
            dx, dy, dz = max(px - right, x - px, 0.0), max(py - back, y - py, 0.0), max(pz - top, z - pz, 0.0)
            around.position[count] = i
            around.x[count], around.y[count], around.z[count] = px - x, py - y, pz - z
            count += 1 if dx * dx + dy * dy + dz * dz <= most else 0
    return count


@inline
def _whole(size: int) -> int:
    """Up to a whole number of unrolled vector steps: what is left of one is done one by one, as slowly."""
    return -(-size // _LANES) * _LANES


@kernel
def _mark_near(
    xs: NDArray[np.float32],
    ys: NDArray[np.float32],
    zs: NDArray[np.float32],
    count: int,
    x: np.float32,
    y: np.float32,
    z: np.float32,
    most: np.float32,
    near: NDArray[np.uint8],
) -> None:
    """Set near[:count] to 1 within the squared distance `most`, to 0 beyond, and some after. Vector instructions."""
    whole = _whole(count)
    xs, ys, zs, near = xs[:whole], ys[:whole], zs[:whole], near[:whole]
    for i in range(whole):
        dx, dy, dz = xs[i] - x, ys[i] - y, zs[i] - z
        near[i] = dx * dx + dy * dy + dz * dz <= most


@kernel
def _fill_ball(
    coords: NDArray[np.float64],
    corner: NDArray[np.float64],
    point: int,
    most: float,
    around: Around,
    count: int,
    ball: Ball,
) -> int:
    """The points around the one at `point` within the squared distance `most`, and hardly others; returns how many."""
    found = around.found
    x, y, z = coords[point, 0], coords[point, 1], coords[point, 2]
    dx, dy, dz = x - corner[0], y - corner[1], z - corner[2]
    surely = np.float32(most * (1 + _MARGIN))
    _mark_near(around.x, around.y, around.z, count, np.float32(dx), np.float32(dy), np.float32(dz), surely, around.near)
    eight, near, positions = around.eight, around.near, around.position
    size = 0
    for word in range((count + 7) // 8):
        if eight[word] != 0:
            for i in range(8 * word, min(8 * word + 8, count)):
                found[size] = positions[i]
                size += near[i]
    slot, position, square = ball.slot, ball.position, ball.square
    slot[:] = 0
    scale = _BUCKETS / most
    for i in range(size):
        dx, dy, dz = coords[found[i], 0] - x, coords[found[i], 1] - y, coords[found[i], 2] - z
        slot[min(int((dx * dx + dy * dy + dz * dz) * scale), _BUCKETS - 1) + 1] += 1
    for bucket in range(_BUCKETS):
        slot[bucket + 1] += slot[bucket]
    xs, ys, zs, bounds = ball.x, ball.y, ball.z, ball.bound
    for i in range(size):
        dx, dy, dz = coords[found[i], 0] - x, coords[found[i], 1] - y, coords[found[i], 2] - z
        length = dx * dx + dy * dy + dz * dz
        bucket = min(int(length * scale), _BUCKETS - 1)
        to = slot[bucket]
        slot[bucket] += 1
        position[to] = found[i]
        xs[to], ys[to], zs[to], square[to] = dx, dy, dz, length
        bounds[to] = length * (1 - _MARGIN) if length > _MARGIN * _MARGIN else 0.0
    return size


@kernel
def _rule_out(
    xs: NDArray[np.float32],
    ys: NDArray[np.float32],
    zs: NDArray[np.float32],
    bounds: NDArray[np.float32],
    guard: int,
    least: np.float32,
) -> None:
    """Set the bounds of those to -1 that are nearer to `guard`, and have more than `least`. Vector instructions."""
    x, y, z = xs[guard], ys[guard], zs[guard]
    for i in range(len(xs)):
        dx, dy, dz = xs[i] - x, ys[i] - y, zs[i] - z
        bound = bounds[i]
        ruled_out = (dx * dx + dy * dy + dz * dz < bound) & (least < bound)
        bounds[i] = np.float32(-1) if ruled_out else bound


@kernel
def _raise_cover(cover: NDArray[np.float32], x: np.float32, y: np.float32, z: np.float32, length: float) -> None:
    """Note what is nearer to the guard at (x, y, z), `length` away from the point, than to the point.

    That is all farther away than length / (2 cos a) at the angle a from the guard's direction, which in a cell is at
    most _SPREAD more than the angle at its centre.
    """
    x, y, z = np.float32(x / length), np.float32(y / length), np.float32(z / length)
    scale = np.float32(2 / length)
    one, none, slack = np.float32(1), np.float32(0), np.float32(1e-5)
    for i in range(len(cover)):
        cosine = _DIRECTIONS[0, i] * x + _DIRECTIONS[1, i] * y + _DIRECTIONS[2, i] * z
        sine = np.sqrt(max(one - cosine * cosine, none))
        inverse = scale * (cosine * _COS - sine * _SIN - slack)
        cover[i] = inverse if inverse > cover[i] else cover[i]


@kernel
def _list_neighbors(
    order: NDArray[np.int64],
    squares: NDArray[np.float64],
    point: int,
    most: float,
    least: float,
    ball: Ball,
    size: int,
    listed: NDArray[np.int32],  # OUT
) -> tuple[int, float]:
    """List the ranks of those in the ball that nothing rules out: how many, -1 for too many; and the last radius.

    The latter is inf where it would be more than the root of `most`. Nearer points than the root of `least` are
    listed, but rule nothing out.
    """
    whole = _whole(size)
    xs, ys, zs, bounds, cover = ball.x[:whole], ball.y[:whole], ball.z[:whole], ball.bound[:whole], ball.cover
    positions, lengths = ball.position, ball.square
    bounds[size:] = 0
    cover[:] = 0
    count = 0
    core = farthest = squares[point]
    within = 0
    for i in range(size):
        if bounds[i] <= core:  # the step is as heavy as the core distance: no way is lighter
            bounds[i] = 0
            within += 1
    if within > len(listed):
        return -1, np.inf
    for i in range(size):
        position = positions[i]
        if bounds[i] < 0 or position == point:
            continue
        if count == len(listed):
            return -1, np.inf
        listed[count] = order[position]
        count += 1
        square = float(lengths[i])
        key = max(square * (1 + _MARGIN), squares[position])
        if key < most and square > least:
            _rule_out(xs, ys, zs, bounds, i, np.float32(key))
            farthest = max(farthest, key)
            _raise_cover(cover, xs[i], ys[i], zs[i], np.sqrt(square))
    inverse = cover[0]
    for i in range(1, len(cover)):
        inverse = min(inverse, cover[i])
    last = _SLACK * max(np.sqrt(farthest), 1.0 / inverse) if inverse > 0 else np.inf
    return count, last if last * last <= most else np.inf


@kernel
def relative_neighbors(
    begin: int,
    end: int,
    tree: Tree,
    squares: NDArray[np.float64],
    counts: NDArray[np.int64],  # OUT
    known: NDArray[np.float64],  # OUT
    last: NDArray[np.float64],  # OUT
    progress: NDArray[np.int64],
) -> NDArray[np.int32]:
    """Neighbours of the points in the nodes begin..end-1, i32[S]: ranks, one point's after the other's in tree order.

    `squares` f64[U]: squared core distances in tree order, inf where there is none. In tree order too: `counts` i64[U],
    how many each point has, and its `known` and `last` radius: see `Neighbors`. Progress counts points.
    """
    around, ball = _new_around(len(tree.begin)), _new_ball()
    spread = max(1.0, _diagonal(tree, 0))
    # From a point that is still nearer, the way may be shorter by less than rounding shows.
    least = (1e-5 * spread) ** 2
    to = np.empty(16 * _MOST_LISTED, np.int32)
    size = 0
    for leaf in range(begin, end):
        if tree.right[leaf] != LEAF:
            continue
        if progress[STOP]:
            break
        radius = _RADIUS * _diagonal(tree, leaf)
        crowd = _look_around(tree, leaf, radius * (1 + _MARGIN), around)
        for point in range(tree.begin[leaf], tree.end[leaf]):
            counts[point], known[point], last[point] = 0, 0.0, np.inf
            if crowd < 0 or squares[point] >= radius * radius:
                continue
            if size + _MOST_LISTED > len(to):
                listed = to
                to = np.empty(2 * len(listed), np.int32)
                for place in range(size):
                    to[place] = listed[place]
            inside = _fill_ball(tree.coords, tree.low[leaf], point, radius * radius, around, crowd, ball)
            most = 4 * radius * radius
            room = to[size : size + _MOST_LISTED]
            found, beyond = _list_neighbors(tree.order, squares, point, most, least, ball, inside, room)
            if found >= 0:
                counts[point], known[point], last[point] = found, radius, beyond
                size += found
        progress[DONE] += tree.end[leaf] - tree.begin[leaf]
    return to[:size].copy()


@kernel
def _new_around(nodes: int) -> Around:
    near = np.empty(_MOST_AROUND + _LANES, np.uint8)
    return Around(
        np.empty(_MOST_AROUND + _LANES, np.int64),
        np.empty(_MOST_AROUND + _LANES, np.float32),
        np.empty(_MOST_AROUND + _LANES, np.float32),
        np.empty(_MOST_AROUND + _LANES, np.float32),
        near,
        near.view(np.uint64),
        np.empty(_MOST_AROUND + _LANES, np.int64),
        np.empty(nodes, np.int64),
    )


@kernel
def _new_ball() -> Ball:
    return Ball(
        np.empty(_MOST_AROUND + _LANES, np.int64),
        np.empty(_MOST_AROUND + _LANES, np.float32),
        np.empty(_MOST_AROUND + _LANES, np.float32),
        np.empty(_MOST_AROUND + _LANES, np.float32),
        np.empty(_MOST_AROUND + _LANES, np.float32),
        np.empty(_MOST_AROUND + _LANES, np.float32),
        np.empty(_BUCKETS + 1, np.int64),
        np.empty(_DIRECTIONS.shape[1], np.float32),
    )
