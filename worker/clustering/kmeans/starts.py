"""First centres for all colours: k-means++ and a local search on a coarse grid, and on through the finer ones."""

import math

import numpy as np
from numpy.typing import NDArray

from shared.contract.params import KMeansParams, number_of
from worker.clustering.kmeans.lloyd import Lloyd, Run
from worker.clustering.kmeans.swaps import START_TOLERANCE, improved
from worker.kernels import DONE, STOP, grid, local_search, seeding
from worker.progress import Meter, Stopped, run_here

Floats = NDArray[np.float64]

# Starts are made on one thread below this many times points x centres x starts: it ends before others have begun.
_WORTH_STARTING_APART = 1 << 14
# The starts run on the means of a grid's cells if it has at least this many cells for each centre.
_CELLS_A_CENTER = 16
# The starts end where a local search goes on: sooner than what is taken to finer grids.
_ROUGH_TOLERANCE = 1e-3
# A local search: how often a centre is tried elsewhere, how often in vain on end, by how many of Lloyd's steps, and
# what a centre must gain to be moved in them, as a share of what a cluster has of the inertia.
_TRIALS, _IN_VAIN, _STEPS, _STILL = 600, 100, 4, 1e-3
# So many comparisons (about 1 ns each) for each centre and point, about twice what the starts take; and for each centre
# at most so many.
_A_POINT, _A_CENTER = 100, 130_000
# Of the seeds of a search's own draws.
_SEARCH = 1 << 20
# A grid is rough if more than this share of the inertia is inside of its cells.
_ROUGH = 0.2


def first_centers(
    levels: list[grid.Grid], params: KMeansParams, fixed: Floats, meter: Meter
) -> tuple[Floats, NDArray[np.float64]]:
    """First centres for the colours, and the inertia of each start. The first of them are `fixed` f64[f, 3].

    The starts run on the coarsest grid with enough cells; the best of them is improved there and goes on through the
    finer grids. It is improved there as well while the grid before left much of the inertia to the inside of its cells.
    """
    with meter.part(0.0, 0.5) as part:
        best, depth, inertias = best_start(levels, params, fixed, part)
    for finer in range(depth - 1, -1, -1):
        rough = is_rough(levels, finer + 1, best)
        if finer == 0 and not rough:
            break
        low = 1 - 0.5 ** (depth - finer)
        with meter.part(low, (1 + low) / 2) as part:
            best = refined(levels[finer], best, params.max_iter, rough, part)
    return best.centers, inertias


def best_start(
    levels: list[grid.Grid], params: KMeansParams, fixed: Floats, meter: Meter
) -> tuple[Run, int, NDArray[np.float64]]:
    """The best of the starts, improved; the level that it ran on; the inertia of each start."""
    enough = _CELLS_A_CENTER * number_of(params.n_clusters)
    depth = max((i for i, level in enumerate(levels) if len(level.coords) >= enough), default=0)
    with meter.part(0.0, 0.8) as part:
        runs = _starts_on(levels[depth], params, fixed, part)
    inertias = np.array([start.inertia for start in runs]) + _spread(levels, depth)
    with meter.part(0.8, 1.0) as part:
        return searched(levels, depth, runs[int(np.argmin(inertias))], params, part), depth, inertias


def searched(levels: list[grid.Grid], depth: int, best: Run, params: KMeansParams, meter: Meter) -> Run:
    """What a local search from that run leads to on its level; the run itself if that is no better."""
    size, cells = len(best.centers), levels[depth]
    if size < 2 or best.fixed == size:
        return best
    centers = best.centers.copy()
    uniforms = np.random.default_rng([params.seed, _SEARCH]).random(_TRIALS)
    most = float(size * min(_A_POINT * len(cells.coords), _A_CENTER))
    call = (cells.coords, cells.weights, centers, best.fixed, uniforms, _STEPS, _STILL, _IN_VAIN, most)
    with meter.part(0.0, 0.8) as part:
        if size * len(cells.coords) < _WORTH_STARTING_APART:
            run_here(local_search.search, [call])
        else:
            part.run(local_search.search, *call, work=_TRIALS)
    with meter.part(0.8, 1.0) as part:
        lloyd = Lloyd(cells, size, fixed=best.fixed)
        found = lloyd.run(centers, START_TOLERANCE, params.max_iter, part)
    return min(found, best, key=lambda run: run.inertia)


def is_rough(levels: list[grid.Grid], depth: int, run: Run) -> bool:
    """Whether much of the inertia of a run on that level is inside of its cells."""
    spread = _spread(levels, depth)
    return spread > _ROUGH * (run.inertia + spread)


def _spread(levels: list[grid.Grid], depth: int) -> float:
    """The inertia of the colours that the cells of finer levels hide from that one."""
    return sum(float(level.spread.sum()) for level in levels[:depth])


def refined(cells: grid.Grid, run: Run, max_iter: int, swap: bool, meter: Meter) -> Run:
    """The run taken on to a finer grid, with swaps there if told so."""
    with meter.part(0.0, 0.5) as part:
        lloyd = Lloyd(cells, len(run.centers), fixed=run.fixed)
        run = lloyd.run(run.centers, START_TOLERANCE, max_iter, part)
    with meter.part(0.5, 1.0) as part:
        return improved(cells, run, part) if swap else run


def _starts_on(cells: grid.Grid, params: KMeansParams, fixed: Floats, meter: Meter) -> list[Run]:
    """Where each start ends, from k-means++."""
    size = number_of(params.n_clusters)

    def start(number: int, progress: NDArray[np.int64]) -> Run:
        generator = np.random.default_rng([params.seed, number])
        uniforms = generator.random((size, 2 + int(math.log(size))))
        centers = np.empty((size, 3))
        centers[: len(fixed)] = fixed
        seeding.seed_centers(cells, uniforms, len(fixed), centers, progress)
        lloyd = Lloyd(cells, size, fixed=len(fixed))
        return lloyd.run(centers, _ROUGH_TOLERANCE, params.max_iter, ThreadMeter(progress, size))

    calls = [(number,) for number in range(params.n_init)]
    if params.n_init * size * len(cells.coords) < _WORTH_STARTING_APART:
        return run_here(start, calls)
    return meter.run_all(start, calls, 2 * size * params.n_init)


class ThreadMeter(Meter):
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
