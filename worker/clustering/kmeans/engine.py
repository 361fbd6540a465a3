"""KMeans over counted colours: exactly Lloyd's algorithm on every pixel."""

import math
from itertools import pairwise
from time import monotonic
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from shared.contract.params import KMeansParams
from worker.clustering.base import Clustering, KMeansDetails
from worker.color import spaces
from worker.color.points import Points
from worker.kernels import DONE, STOP, grid, seeding
from worker.kernels import kmeans as kernels
from worker.progress import POLL_SECONDS, Meter, Stopped, run_here

Floats = NDArray[np.float64]

# Below this many points another thread costs more than it saves: to build a grid, to measure distances.
_FEW = 1 << 17
# Sums are made in pieces of about this many points, whatever the number of threads, and added in their order.
_PIECE = 1 << 14
# A sweep that takes fewer comparisons than this (about 10 ns each) is over before other threads are of use.
_WORTH_THREADS = 1 << 19
# Starts are made on one thread below this many times points x centres x starts: it ends before others have begun.
_WORTH_STARTING_APART = 1 << 14
# About so many comparisons a point are to be expected of a first sweep.
_FIRST_COMPARISONS = 8
# So many smaller sweeps are made before anybody is told: less than 0.1 s.
_ITERATIONS_AT_ONCE = 16
# The starts run on the means of a grid's cells if it has at least this many cells for each centre.
_CELLS_A_CENTER = 8
# Improving a start: how often at most, by how many iterations, and how large a share of the centres at once.
_ROUNDS, _ROUND_ITERATIONS, _SWAPPED_SHARE = 20, 10, 8
# A swap is tried if it promises at least this share of what it costs: Lloyd's iterations find the rest.
_PROMISE = 0.5
# A grid is rough if more than this share of the inertia is inside of its cells.
_ROUGH = 0.2
_WORTH_A_ROUND = 1e-3  # share of the inertia
_START_TOLERANCE = 1e-5
# Cells along the longest axis: of the grid over the colours, and of the coarser ones over the cells' means.
_SIDES = (64, 32, 16)
# A grid of more cells a point, nearly all of them empty or of one point, costs more than it spares.
_CELLS_A_POINT = 16


class Run(NamedTuple):
    """Where one start ended."""

    labels: NDArray[np.int32]  # [U], in grid order
    mass: Floats  # [k]: what the points of each label weigh
    centers: Floats  # [k, 3]
    inertia: float
    iterations: int


def run(points: Points, params: KMeansParams, meter: Meter) -> Clustering:
    """Cluster `points` into `params.n_clusters` clusters, or as many as there are colours if that is fewer.

    From given `init` centres, labels, inertia and iterations are scikit-learn's on all pixels: the nearest
    centre wins, the lowest index among equals; an empty cluster moves to the pixel farthest from its centre;
    it ends when no label changes or the centres' squared movement is at most `tol` times the mean variance of
    the axes. Clusters that end empty are left out.

    From k-means++, the `n_init` starts run on the mean colours of a grid's cells; `start_inertias` are what each has
    reached there, with the spread inside of the cells. The one of lowest inertia, the first among equals, is improved
    by swaps of centres and goes on over all colours; its iterations there are counted.
    """
    if len(points) < params.n_clusters:
        labels = np.arange(len(points), dtype=np.int32)
        return Clustering(labels, points.coords.copy(), KMeansDetails(0.0, 0, np.zeros(1)))
    if isinstance(params.init, list):
        with meter.part(0.0, 0.2) as part:
            cells = _grid(points.coords, points.weights, _sides(len(points))[0], part)
        centers = spaces.centers_from_srgb(points, np.array(params.init, np.float64))
        with meter.part(0.2, 0.98) as part:
            ended = _Lloyd(cells, params.n_clusters, points.first).run(centers, params.tol, params.max_iter, part)
        inertias = np.array([ended.inertia])
    else:
        with meter.part(0.0, 0.1) as part:
            levels = _levels(points, part)
        with meter.part(0.1, 0.6) as part:
            centers, inertias = _seeded(levels, params, part)
        cells = levels[0]
        with meter.part(0.6, 0.98) as part:
            ended = _Lloyd(cells, params.n_clusters, points.first).run(centers, params.tol, params.max_iter, part)
    # Clusters that ended empty are left out; the others keep their order.
    used = np.flatnonzero(ended.mass)
    renumbered = ended.labels if len(used) == len(centers) else np.searchsorted(used, ended.labels).astype(np.int32)
    labels = np.empty(len(points), np.int32)
    with meter.part(0.98, 1.0) as part:
        if len(points) < _FEW:
            run_here(grid.put_back, [(0, len(points), cells.order, renumbered, labels)])
        else:
            part.run_ranges(grid.put_back, len(points), cells.order, renumbered, labels)
    details = KMeansDetails(ended.inertia / points.units, ended.iterations, inertias / points.units)
    return Clustering(labels, ended.centers[used], details)


def _seeded(levels: list[grid.Grid], params: KMeansParams, meter: Meter) -> tuple[Floats, NDArray[np.float64]]:
    """First centres for the colours, and the inertia of each start.

    The starts run on the coarsest grid with enough cells; the best of them is improved there and goes on through the
    finer grids. It is improved there as well while the grid before left much of the inertia to the inside of its cells.
    """
    enough = _CELLS_A_CENTER * params.n_clusters
    depth = max((i for i, level in enumerate(levels) if len(level.coords) >= enough), default=0)
    spreads = [sum(float(level.spread.sum()) for level in levels[:i]) for i in range(depth + 1)]
    with meter.part(0.0, 0.4) as part:
        runs = _starts_on(levels[depth], params, part)
    inertias = np.array([start.inertia for start in runs]) + spreads[depth]
    with meter.part(0.4, 0.5) as part:
        best = _improved(levels[depth], runs[int(np.argmin(inertias))], part)
    for finer in range(depth - 1, -1, -1):
        rough = spreads[finer + 1] > _ROUGH * (best.inertia + spreads[finer + 1])
        if finer == 0 and not rough:
            break
        low = 1 - 0.5 ** (depth - finer)
        with meter.part(low, low + (1 - low) / 4) as part:
            best = _Lloyd(levels[finer], params.n_clusters).run(best.centers, _START_TOLERANCE, params.max_iter, part)
        with meter.part(low + (1 - low) / 4, (1 + low) / 2) as part:
            best = _improved(levels[finer], best, part) if rough else best
    return best.centers, inertias


def _improved(cells: grid.Grid, best: Run, meter: Meter) -> Run:
    """`best`, or what it leads to when centres that are little missed move to where they are needed.

    Some swaps at once, then some of Lloyd's iterations: kept if the inertia fell, else half as many the next time.
    """
    most = max(1, len(best.centers) // _SWAPPED_SHARE)
    for round_ in range(_ROUNDS):
        centers, swaps = _swapped(cells, best, most)
        if not swaps:
            break
        with meter.part(round_ / _ROUNDS, (round_ + 1) / _ROUNDS) as part:
            found = _Lloyd(cells, len(centers)).run(centers, _START_TOLERANCE, _ROUND_ITERATIONS, part)
        if found.inertia >= (1 - _WORTH_A_ROUND) * best.inertia:
            most = min(most, swaps) // 2
        if found.inertia < best.inertia:
            best = found
        if not most:
            break
    return best


def _swapped(cells: grid.Grid, run: Run, most: int) -> tuple[Floats, int]:
    """The centres after up to `most` swaps, cheapest first, and how many those are.

    In a swap two near clusters become one, and one is cut in two; each cluster takes part in one swap at most. The
    inertia rises by n m / (n + m) |a - b|^2 when clusters of n and m pixels around a and b become one, and falls by
    as much when one is cut (Ward 1963). (Moving codewords to where they are needed: Patane and Russo, 2001.)
    """
    centers = run.centers.copy()
    mass = run.mass
    gain, halves = _cuts(cells, run)
    cost = mass[:, None] * mass / np.maximum(mass[:, None] + mass, 1)
    cost *= sum(np.square(axis[:, None] - axis) for axis in run.centers.T)
    np.fill_diagonal(cost, np.inf)
    near, price = cost.argmin(axis=1), cost.min(axis=1)
    poor = np.argsort(-gain, kind="stable").tolist()
    used: set[int] = set()
    swaps = 0
    for moved in np.argsort(price, kind="stable").tolist():
        into = int(near[moved])
        cut = next((one for one in poor if one not in used and one not in (moved, into)), None)
        if swaps == most or cut is None or gain[cut] <= _PROMISE * price[moved]:
            break
        if moved in used or into in used:
            continue
        both = mass[into] + mass[moved]
        if both > 0:
            centers[into] = (mass[into] * centers[into] + mass[moved] * centers[moved]) / both
        centers[cut], centers[moved] = halves[:, cut]
        used |= {moved, into, cut}
        swaps += 1
    return centers, swaps


def _cuts(cells: grid.Grid, run: Run) -> tuple[Floats, Floats]:
    """What cutting each cluster in two across its longest axis gains, f64[k], and the halves' means, f64[2, k, 3]."""
    size = len(run.centers)
    labels = run.labels.astype(np.intp)  # once: bincount and take want nothing else
    offsets = cells.coords.T - run.centers.T[:, labels]
    weighted = cells.weights * offsets
    spreads = np.empty((size, 3, 3))
    for one in range(3):
        for other in range(one + 1):  # eigh reads the lower triangle
            spreads[:, one, other] = np.bincount(labels, weighted[one] * offsets[other], size)
    longest = np.linalg.eigh(spreads).eigenvectors[:, :, 2]
    within = np.where((offsets * longest.T[:, labels]).sum(axis=0) > 0, labels, labels + size)
    masses = np.bincount(within, cells.weights, 2 * size).reshape(2, size)
    sums = [np.bincount(within, axis, 2 * size).reshape(2, size) for axis in weighted]
    halves = np.stack(sums, axis=2) / np.maximum(masses, 1)[:, :, None]
    gain = masses[0] * masses[1] / np.maximum(masses.sum(axis=0), 1) * ((halves[0] - halves[1]) ** 2).sum(axis=1)
    return gain, run.centers + halves


def _levels(points: Points, meter: Meter) -> list[grid.Grid]:
    """The points in grids: the colours, then each time the means of the cells of the grid before."""
    first, *coarser = _sides(len(points))
    with meter.part(0.0, 0.9) as part:
        levels = [_grid(points.coords, points.weights, first, part)]
    for number, side in enumerate(coarser):
        finer = levels[-1]
        mass = finer.sums[:, 3]
        means = _read_only(finer.sums[:, :3] / mass[:, None])
        with meter.part(0.9 + number / 20, 0.95 + number / 20) as part:
            levels.append(_grid(means, _read_only(mass.astype(np.int64)), side, part))
    return levels


def _sides(size: int) -> tuple[int, ...]:
    """Which of the grids are made for so many points: the coarsest one, and those that are not too fine for them."""
    return tuple(side for side in _SIDES if side == _SIDES[-1] or side**3 <= _CELLS_A_POINT * size)


def _grid(coords: Floats, weights: NDArray[np.int64], side: int, meter: Meter) -> grid.Grid:
    """`side` cells along the longest axis over read-only `coords` and `weights`."""
    size = len(coords)
    made: grid.Grid
    if size < _FEW:
        progress = np.zeros(2, np.int64)
        keys, first, cells = grid.find_cells(coords, side, progress)
        made = grid.put_in_order(coords, weights, keys, first, cells, progress)
        grid.measure(0, len(made.block_low), made, progress)
        meter.tell(1.0)
        return made
    with meter.part(0.0, 0.3) as part:
        keys, first, cells = part.run(grid.find_cells, coords, side, work=2 * size)
    with meter.part(0.3, 0.8) as part:
        made = part.run(grid.put_in_order, coords, weights, keys, first, cells, work=size)
    with meter.part(0.8, 1.0) as part:
        part.run_ranges(grid.measure, len(made.block_low), made)
    return made


def _read_only(array: NDArray[Any]) -> NDArray[Any]:
    """As the arrays of Points are, so that a kernel is compiled once."""
    array.flags.writeable = False
    return array


def _starts_on(cells: grid.Grid, params: KMeansParams, meter: Meter) -> list[Run]:
    """Where each start ends, from k-means++."""
    size = params.n_clusters

    def start(number: int, progress: NDArray[np.int64]) -> Run:
        generator = np.random.default_rng([params.seed, number])
        uniforms = generator.random((size, 2 + int(math.log(size))))
        centers = np.empty((size, 3))
        seeding.seed_centers(cells, uniforms, centers, progress)
        return _Lloyd(cells, size).run(centers, _START_TOLERANCE, params.max_iter, _Quiet(progress, size))

    calls = [(number,) for number in range(params.n_init)]
    if params.n_init * size * len(cells.coords) < _WORTH_STARTING_APART:
        return run_here(start, calls)
    return meter.run_all(start, calls, 2 * size * params.n_init)


class _Quiet(Meter):
    """A meter inside of a thread: no threads of its own, and it tells by the thread's progress."""

    def __init__(self, progress: NDArray[np.int64], work: int) -> None:
        super().__init__(threads=1)
        self._progress = progress
        self._work, self._done = work, 0

    def tell(self, fraction: float) -> None:
        if self._progress[STOP]:
            raise Stopped
        done = int(fraction * self._work)
        self._progress[DONE] += done - self._done
        self._done = done


class _Lloyd:
    """Lloyd's algorithm on the points of a grid, as scikit-learn's `_kmeans_single_lloyd` runs it."""

    def __init__(self, cells: grid.Grid, clusters: int, first: NDArray[np.int64] | None = None) -> None:
        count, size = len(cells.sums), len(cells.coords)
        self._cells = cells
        self._first = cells.order if first is None else first
        self._tiny = 1e-9 * float(max(np.abs(cells.low).max(), np.abs(cells.high).max()))
        self._state = kernels.State(
            labels=np.full(size, kernels.UNLABELLED, np.int32),
            owner=np.full(count, kernels.MIXED, np.int32),
            length=np.zeros(count, np.int32),
            lists=np.empty((count, kernels.LONGEST), np.int32),
            slack=np.zeros(count),
            gap=np.zeros(count),
            block_length=np.zeros(len(cells.block_low), np.int32),
            block_lists=np.empty((len(cells.block_low), clusters), np.int32),
            block_slack=np.zeros(len(cells.block_low)),
        )
        cuts = np.searchsorted(cells.begin[cells.block_begin], np.arange(0, size, _PIECE))
        ends = [*np.unique(cuts).tolist(), len(cells.block_begin) - 1]
        self._pieces = list(pairwise(ends))
        self._work = _FIRST_COMPARISONS * size

    def run(self, centers: Floats, tol: float, max_iter: int, meter: Meter) -> Run:
        tolerance = tol * _mean_variance(self._cells)
        centers = centers.copy()
        totals = np.zeros((len(centers), 4))
        moves = np.zeros(len(centers))
        due = 0.0
        iteration = 0
        changed, movement = 1, np.inf
        while changed and movement > tolerance and iteration < max_iter:
            if self._work >= _WORTH_THREADS and meter.threads > 1:
                # Nobody knows how many iterations are to come: 20 of them are taken for half of the way.
                part = meter.within(iteration / (iteration + 20), (iteration + 1) / (iteration + 21))
                changed = self._sweep(centers, moves, totals, part)
                movement = kernels.advance(self._means(totals, centers), centers, moves)
                iteration += 1
            else:
                most = min(_ITERATIONS_AT_ONCE, max_iter - iteration)
                made, changed, movement = self._iterate(centers, moves, totals, tolerance, most)
                iteration += made
            if monotonic() >= due:
                meter.tell(iteration / (iteration + 20))
                due = monotonic() + POLL_SECONDS
        low = iteration / (iteration + 20)
        if changed:
            self._sweep(centers, moves, totals, meter.within(low, (1 + low) / 2))
        _, inertia = self._settle(centers, meter.within((1 + low) / 2, 1.0))
        return Run(self._state.labels, totals[:, 3], centers, inertia, iteration)

    def _iterate(
        self, centers: Floats, moves: Floats, totals: Floats, tolerance: float, most: int
    ) -> tuple[int, int, float]:
        """Up to `most` iterations on this thread: how many, the last one's changed labels and squared movement."""
        pieces = np.array(self._pieces)
        arguments = (pieces, self._cells, centers, moves, totals, self._tiny, self._state, tolerance, most)
        made, changed, movement, self._work = kernels.iterate(*arguments, _WORTH_THREADS)
        if movement < 0:  # a cluster is empty
            movement = kernels.advance(self._means(totals, centers), centers, moves)
        return made, changed, movement

    def _sweep(self, centers: Floats, moves: Floats, totals: Floats, meter: Meter) -> int:
        """One assignment step; `totals` [k, 4] gains what the sums and weights gain. Returns the changed labels."""
        changes = np.zeros((len(self._pieces), len(centers), 4))
        calls = [
            (*piece, self._cells, centers, moves, self._tiny, self._state, change)
            for piece, change in zip(self._pieces, changes, strict=True)
        ]
        if meter.threads > 1 and self._work >= _WORTH_THREADS:
            done = meter.run_all(kernels.sweep, calls, len(self._cells.coords))
        else:
            done = run_here(kernels.sweep, calls)
        totals += changes.sum(axis=0)
        self._work = sum(work for _, work in done)
        return sum(changed for changed, _ in done)

    def _means(self, totals: Floats, centers: Floats) -> Floats:
        sums, mass = totals[:, :3].copy(), totals[:, 3].copy()
        empty = np.flatnonzero(mass == 0)
        if len(empty):
            self._relocate(centers, empty, mass, sums)
        sums[mass > 0] /= mass[mass > 0, None]
        sums[mass == 0] = sums[np.argmax(mass)]
        return sums

    def _relocate(self, centers: Floats, empty: NDArray[np.intp], mass: Floats, sums: Floats) -> None:
        """Give each empty cluster one of the pixels that are farthest from their centres, in falling distance."""
        cells, labels = self._cells, self._state.labels
        distance, _ = self._settle(centers, Meter(threads=1))
        if distance.max() == 0:
            return
        rank = max(0, len(distance) - len(empty))
        far = np.flatnonzero(distance >= np.partition(distance, rank)[rank])
        far = far[np.lexsort((self._first[cells.order[far]], -distance[far]))]
        copies = np.minimum(cells.weights[far], len(empty)).astype(np.int64)
        for cluster, pixel in zip(empty, np.repeat(far, copies)[: len(empty)], strict=True):
            donor = labels[pixel]
            sums[donor] -= cells.coords[pixel]
            mass[donor] -= 1
            sums[cluster] = cells.coords[pixel]
            mass[cluster] = 1

    def _settle(self, centers: Floats, meter: Meter) -> tuple[Floats, float]:
        """Each point's squared distance to its label's centre, in grid order, and the inertia. Makes labels valid."""
        out = np.empty(len(self._cells.coords))
        calls = [(*piece, self._cells, self._state, centers, out) for piece in self._pieces]
        if len(out) < _FEW:
            inertias = run_here(kernels.settle, calls)
        else:
            inertias = meter.run_all(kernels.settle, calls, len(out))
        return out, sum(inertias)


def _mean_variance(cells: grid.Grid) -> float:
    """Variance of the pixels, averaged over the three axes."""
    mass = cells.sums[:, 3]
    mean = cells.sums[:, :3].sum(axis=0) / mass.sum()
    between = (mass[:, None] * (cells.sums[:, :3] / mass[:, None] - mean) ** 2).sum()
    return float((between + cells.spread.sum()) / mass.sum() / 3)
