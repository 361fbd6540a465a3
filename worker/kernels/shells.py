"""Points in shells around a centre, to find how far the queries near that centre must reach.

For a query at the distance d from the centre, a point that is nearer to the centre than R - d is within R of the query,
and one that is farther than R + d is not. So with all points sorted into thin shells, with the weight inside of each, a
guess of a query's radius is weighed by measuring only the few shells from R - d to R + d. The guess comes from the
centre's own radius and its slope; where it is wrong, the weight says to which side, and the next guess goes there.
Single precision tells the points apart up to a thin rest, and double precision decides within it.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from worker.kernels import kernel
from worker.kernels.kdtree import Tree
from worker.kernels.quickselect import weighted_select

SHELLS = 192
"""Shells of equal steps of squared distance; one more inside takes what is nearer, one outside what is farther."""

_BLUR = 4e-6
"""Error of a squared distance in single precision, relative to the largest squared distance from the centre.

Coordinates relative to the centre are rounded by 2^-24; a difference then errs by 2^-23 of the largest, and its square
by four times that: 5e-7 and the rounding of the sums.
"""

_TOLERANCE = 0.025
"""By how much of its radius a first guess may be wrong without another one."""


class Shells(NamedTuple):
    """Points sorted by their shell. C places for points, SHELLS + 2 shells."""

    x: NDArray[np.float32]  # [C], relative to the centre, as y and z
    y: NDArray[np.float32]
    z: NDArray[np.float32]
    weight: NDArray[np.int64]  # [C]
    light: NDArray[np.int32]  # [C]: the same, of use where all together are below 2^31: twice as many fit a vector
    place: NDArray[np.int32]  # [C]: position in tree order
    begin: NDArray[np.int64]  # [SHELLS + 3]: the points of a shell are begin[shell]..begin[shell + 1] - 1
    before: NDArray[np.int64]  # [SHELLS + 3]: weight of all shells inside a shell
    shell: NDArray[np.int32]  # [C], scratch: shells in the order of the gathering
    square: NDArray[np.float32]  # [C], scratch: squared distance from the query
    near: NDArray[np.uint8]  # [C], scratch: 1 where that is close to the radius; C is a multiple of 8
    word: NDArray[np.int32]  # [C], scratch: eights of these with a 1
    found: NDArray[np.int32]  # [C + 1], scratch: their places
    value: NDArray[np.float64]  # [C], scratch: exact squared distances of these
    share: NDArray[np.int64]  # [C], scratch: their weights


class Ball(NamedTuple):
    """A node of queries, and where the shells around its centre are."""

    x: float  # the centre
    y: float
    z: float
    reach: float  # distance of the farthest query
    least: float  # squared distance at which shell 1 begins
    scale: float  # shells for each unit of squared distance


class Rim(NamedTuple):
    """`inner` < squared radius <= `outer`, and the weights up to both."""

    inner: float
    outer: float
    within: int
    upto: int


@kernel
def new_shells(most: int) -> Shells:
    """Room for `most` points."""
    size = (most + 7) // 8 * 8
    return Shells(
        np.empty(size, np.float32),
        np.empty(size, np.float32),
        np.empty(size, np.float32),
        np.empty(size, np.int64),
        np.empty(size, np.int32),
        np.empty(size, np.int32),
        np.empty(SHELLS + 3, np.int64),
        np.empty(SHELLS + 3, np.int64),
        np.empty(size, np.int32),
        np.empty(size, np.float32),
        np.empty(size, np.uint8),
        np.empty(size, np.int32),
        np.empty(size + 1, np.int32),
        np.empty(size),
        np.empty(size, np.int64),
    )


@kernel
def _ball(tree: Tree, query: int, low: float, high: float) -> Ball:
    """The ball around the points of the node `query`, whose squared core distances lie in [low, high]."""
    x, y, z = 0.5 * (tree.low[query] + tree.high[query])
    reach = 0.0
    for i in range(tree.begin[query], tree.end[query]):
        dx, dy, dz = tree.coords[i, 0] - x, tree.coords[i, 1] - y, tree.coords[i, 2] - z
        reach = max(reach, dx * dx + dy * dy + dz * dz)
    reach = np.sqrt(reach)
    most = (np.sqrt(high) + 2.0 * reach) ** 2
    # A little less: no point on the innermost rim may fall to what is inside for certain.
    least = max(np.sqrt(low) - 2.0 * reach, 0.0) ** 2 - 1e-6 * most
    return Ball(x, y, z, reach, least, SHELLS / (most - least) if most > least else 1.0)


@kernel
def _shell(ball: Ball, square: float) -> int:
    """The shell of a squared distance from the centre."""
    return int(min(max((square - ball.least) * ball.scale + 1.0, 0.0), SHELLS + 1.0))


@kernel
def _tally(tree: Tree, nodes: NDArray[np.int64], ball: Ball, shells: Shells) -> None:
    """Fill in `shell`, `begin` and `before` for all points of `nodes`."""
    coords, weights, starts, ends = tree.coords, tree.weights, tree.begin, tree.end
    # Arrays and numbers by names of their own: numba counts references in loops over the members of tuples.
    shell, begin, before = shells.shell, shells.begin, shells.before
    cx, cy, cz, least, scale = ball.x, ball.y, ball.z, ball.least, ball.scale
    begin[:] = 0
    before[:] = 0
    size = 0
    for node in nodes:
        for i in range(starts[node], ends[node]):
            dx, dy, dz = coords[i, 0] - cx, coords[i, 1] - cy, coords[i, 2] - cz
            step = (dx * dx + dy * dy + dz * dz - least) * scale + 1.0
            own = np.int32(min(max(step, 0.0), SHELLS + 1.0))
            shell[size] = own
            begin[own + 1] += 1
            before[own + 1] += weights[i]
            size += 1
    for i in range(1, SHELLS + 3):
        begin[i] += begin[i - 1]
        before[i] += before[i - 1]


@kernel
def _scatter(tree: Tree, nodes: NDArray[np.int64], ball: Ball, shells: Shells, first: int, last: int) -> None:
    """Put the points of the shells first..last in their order, at the beginning of the arrays."""
    coords, weights, starts, ends = tree.coords, tree.weights, tree.begin, tree.end
    x, y, z, place, shell = shells.x, shells.y, shells.z, shells.place, shells.shell
    weight, light = shells.weight, shells.light
    cx, cy, cz = ball.x, ball.y, ball.z
    begin, before = shells.begin, shells.before
    begin[:] -= begin[first]
    # The other shells are empty.
    begin[:first], begin[last + 1 :], before[:first] = 0, begin[last + 1], before[first]
    free = begin.copy()
    size = 0
    for node in nodes:
        for i in range(starts[node], ends[node]):
            own = shell[size]
            size += 1
            if first <= own <= last:
                to = free[own]
                free[own] += 1
                x[to] = coords[i, 0] - cx
                y[to] = coords[i, 1] - cy
                z[to] = coords[i, 2] - cz
                weight[to] = light[to] = weights[i]
                place[to] = i


@kernel
def _slope(shells: Shells, first: int, last: int) -> tuple[float, float, float]:
    """How the radius around the centre grows along each axis: less towards where the weight on its rim lies."""
    gx, gy, gz, total = 0.0, 0.0, 0.0, 0.0
    for i in range(shells.begin[first], shells.begin[last + 1]):
        x, y, z = shells.x[i], shells.y[i], shells.z[i]
        length = np.sqrt(x * x + y * y + z * z)
        if length > 0.0:
            pull = shells.weight[i] / length
            gx, gy, gz = gx - x * pull, gy - y * pull, gz - z * pull
        total += shells.weight[i]
    total = max(total, 1.0)
    return gx / total, gy / total, gz / total


@kernel
def _measure(
    shells: Shells,
    weight: NDArray[Any],
    begin: int,
    end: int,
    at: tuple[np.float32, np.float32, np.float32],
    inner: float,
    outer: float,
) -> tuple[int, int]:
    """Set `square` to the squared distances of begin..end-1 from `at`; their weights up to `inner` and to `outer`.

    `weight` is one of the shells' two, and its type must hold the sum. Compiles to vector instructions.
    """
    x, y, z = shells.x[begin:end], shells.y[begin:end], shells.z[begin:end]
    weight, squares = weight[begin:end], shells.square
    qx, qy, qz = at
    low, high = np.float32(inner), np.float32(outer)
    # Unless told so after each sum, numba goes on in 64 bits.
    number = weight.dtype.type
    none = within = upto = number(0)
    for i in range(end - begin):
        dx, dy, dz = x[i] - qx, y[i] - qy, z[i] - qz
        square = dx * dx + dy * dy + dz * dz
        squares[i] = square
        within = number(within + (weight[i] if square <= low else none))
        upto = number(upto + (weight[i] if square <= high else none))
    return int(within), int(upto)


@kernel
def _weigh(shells: Shells, weight: NDArray[Any], begin: int, size: int, inner: float, outer: float) -> tuple[int, int]:
    """The weights with a `square` up to `inner` and up to `outer`, of points from `begin` on; like `_measure`."""
    weight, squares = weight[begin : begin + size], shells.square
    low, high = np.float32(inner), np.float32(outer)
    number = weight.dtype.type
    none = within = upto = number(0)
    for i in range(size):
        square = squares[i]
        within = number(within + (weight[i] if square <= low else none))
        upto = number(upto + (weight[i] if square <= high else none))
    return int(within), int(upto)


@kernel
def _thin(shells: Shells, light: bool, begin: int, size: int, base: int, needed: int, rim: Rim) -> Rim:
    """A thinner rim in which the weight reaches `needed`: it grows about evenly within the rim."""
    inner, outer, within, upto = rim
    share = (needed - within) / max(upto - within, 1)
    middle = inner + (outer - inner) * min(max(share, 0.0), 1.0)
    slack = 0.08 * (outer - inner)
    low, high = max(middle - slack, inner), min(middle + slack, outer)
    if light:
        below, above = _weigh(shells, shells.light, begin, size, low, high)
    else:
        below, above = _weigh(shells, shells.weight, begin, size, low, high)
    below, above = below + base, above + base
    if below >= needed:
        return Rim(inner, low, within, below)
    if above >= needed:
        return Rim(low, high, below, above)
    return Rim(high, outer, above, upto)


@kernel
def _decide(tree: Tree, query: int, shells: Shells, begin: int, size: int, needed: int, rim: Rim, blur: float) -> float:
    """The exact squared core distance of the point at `query`, sought in a rim widened by `blur`."""
    squares, near, value, share = shells.square, shells.near, shells.value, shells.share
    word, found = shells.word, shells.found
    place, weight, coords = shells.place[begin:], shells.weight[begin:], tree.coords
    x, y, z = coords[query, 0], coords[query, 1], coords[query, 2]
    inner = np.float32(rim.inner)
    low, high = np.float32(rim.inner - blur), np.float32(rim.outer + blur)
    for i in range(size):
        near[i] = (squares[i] >= low) & (squares[i] <= high)
    # Few points are near: eight at a time are passed over. No branch here could be foreseen, so there is none.
    words = (size + 7) // 8
    near[size : 8 * words] = 0
    eight, hits = near.view(np.uint64), 0
    for j in range(words):
        word[hits] = j
        hits += eight[j] != 0
    count = 0
    for hit in range(hits):
        for i in range(8 * word[hit], 8 * word[hit] + 8):
            found[count] = i
            count += near[i]
    within = rim.within
    for i in range(count):
        at = place[found[i]]
        dx, dy, dz = coords[at, 0] - x, coords[at, 1] - y, coords[at, 2] - z
        value[i] = dx * dx + dy * dy + dz * dz
        share[i] = weight[found[i]]
        within -= weight[found[i]] if squares[found[i]] <= inner else 0
    return weighted_select(value, share, count, needed - within)


@kernel
def _solve_one(
    tree: Tree,
    query: int,
    ball: Ball,
    shells: Shells,
    light: bool,
    needed: int,
    low: float,
    high: float,
    guess: float,
    blur: float,
) -> float:
    """The squared core distance of the point at `query`; its square root is in [low, high] and about `guess`."""
    x, y, z = tree.coords[query, 0] - ball.x, tree.coords[query, 1] - ball.y, tree.coords[query, 2] - ball.z
    away = np.sqrt(x * x + y * y + z * z)
    at = (np.float32(x), np.float32(y), np.float32(z))
    guess = min(max(guess, low), high)
    slack = _TOLERANCE * high
    while True:
        least, most = max(guess - slack, low), min(guess + slack, high)
        # The values are wrong by `blur` at most: so much more room on each side, and as much for the shells'.
        inner, outer = least * least - blur, most * most + blur
        nearest = max(np.sqrt(max(inner - 2.0 * blur, 0.0)) - away, 0.0)
        farthest = np.sqrt(outer + 2.0 * blur) + away
        first = _shell(ball, nearest * nearest - blur)
        begin, end = shells.begin[first], shells.begin[_shell(ball, farthest * farthest + blur) + 1]
        if light:
            within, upto = _measure(shells, shells.light, begin, end, at, inner, outer)
        else:
            within, upto = _measure(shells, shells.weight, begin, end, at, inner, outer)
        base = shells.before[first]
        within, upto = within + base, upto + base
        if within >= needed and least > low:
            high, guess = least, least - slack
        elif upto < needed and most < high:
            low, guess = most, most + slack
        else:
            break
        slack *= 2.0
    size = end - begin
    rim = Rim(inner, outer, within, upto)
    for _ in range(2):
        rim = _thin(shells, light, begin, size, base, needed, rim)
    return _decide(tree, query, shells, begin, size, needed, rim, blur)


@kernel
def solve(
    tree: Tree,
    node: int,
    nodes: NDArray[np.int64],
    shells: Shells,
    needed: int,
    own: int,
    low: float,
    high: float,
    squares: NDArray[np.float64],  # OUT
) -> None:
    """Squared core distances, in [low, high], of the points in `node`, which need `needed` from the points of `nodes`.

    Points of the weight `own` and more have 0. `shells` has room for all points of `nodes`.
    """
    ball = _ball(tree, node, low, high)
    _tally(tree, nodes, ball, shells)
    light = shells.before[SHELLS + 2] < 1 << 31
    rim = 0
    while rim <= SHELLS and shells.before[rim + 1] < needed:
        rim += 1
    # The centre's own radius lies between these, and each query's no farther away than the query is.
    inmost = np.sqrt(max(ball.least + (rim - 1) / ball.scale, 0.0))
    outmost = np.sqrt(max(ball.least + rim / ball.scale, 0.0))
    among = (needed - shells.before[rim]) / max(shells.before[rim + 1] - shells.before[rim], 1)
    radius = inmost + (outmost - inmost) * among
    nearest, farthest = max(inmost - 2.0 * ball.reach, 0.0), outmost + 2.0 * ball.reach
    blur = _BLUR * farthest * farthest
    first = _shell(ball, nearest * nearest - 8.0 * blur)
    last = _shell(ball, farthest * farthest + 8.0 * blur)
    _scatter(tree, nodes, ball, shells, first, last)
    gx, gy, gz = _slope(shells, max(rim - 2, first), min(rim + 2, last))
    for query in range(tree.begin[node], tree.end[node]):
        if tree.weights[query] >= own:
            squares[query] = 0.0
            continue
        x, y, z = tree.coords[query, 0] - ball.x, tree.coords[query, 1] - ball.y, tree.coords[query, 2] - ball.z
        away = np.sqrt(x * x + y * y + z * z)
        least, most = max(inmost - away, np.sqrt(low)), min(outmost + away, np.sqrt(high))
        guess = radius + gx * x + gy * y + gz * z
        squares[query] = _solve_one(tree, query, ball, shells, light, needed, least, max(least, most), guess, blur)
