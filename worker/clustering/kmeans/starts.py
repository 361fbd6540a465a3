"""First centres: k-means++ on a coarse grid, the best of the starts improved by swaps."""

import math

import numpy as np
from numpy.typing import NDArray

from shared.contract.params import KMeansParams
from worker.clustering.kmeans.lloyd import Lloyd, Run
from worker.kernels import DONE, STOP, grid, seeding
from worker.progress import Meter, Stopped, run_here

Floats = NDArray[np.float64]

# Starts are made on one thread below this many times points x centres x starts: it ends before others have begun.
_WORTH_STARTING_APART = 1 << 14
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


def first_centers(levels: list[grid.Grid], params: KMeansParams, meter: Meter) -> tuple[Floats, NDArray[np.float64]]:
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
            best = Lloyd(levels[finer], params.n_clusters).run(best.centers, _START_TOLERANCE, params.max_iter, part)
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
            found = Lloyd(cells, len(centers)).run(centers, _START_TOLERANCE, _ROUND_ITERATIONS, part)
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
    by_gain = np.argsort(-gain, kind="stable").tolist()
    used: set[int] = set()
    swaps = 0
    for moved in np.argsort(price, kind="stable").tolist():
        into = int(near[moved])
        cut = next((one for one in by_gain if one not in used and one not in (moved, into)), None)
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


def _starts_on(cells: grid.Grid, params: KMeansParams, meter: Meter) -> list[Run]:
    """Where each start ends, from k-means++."""
    size = params.n_clusters

    def start(number: int, progress: NDArray[np.int64]) -> Run:
        generator = np.random.default_rng([params.seed, number])
        uniforms = generator.random((size, 2 + int(math.log(size))))
        centers = np.empty((size, 3))
        seeding.seed_centers(cells, uniforms, centers, progress)
        return Lloyd(cells, size).run(centers, _START_TOLERANCE, params.max_iter, _ThreadMeter(progress, size))

    calls = [(number,) for number in range(params.n_init)]
    if params.n_init * size * len(cells.coords) < _WORTH_STARTING_APART:
        return run_here(start, calls)
    return meter.run_all(start, calls, 2 * size * params.n_init)


class _ThreadMeter(Meter):
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
