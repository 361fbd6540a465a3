"""First centres for all colours: k-means++, crossings and a local search on a coarse grid, then through finer ones."""

import math
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from shared.contract.params import KMeansParams, number_of
from worker.clustering.kmeans.lloyd import Lloyd, Run
from worker.clustering.kmeans.swaps import START_TOLERANCE, improved
from worker.kernels import DONE, STOP, breeding, grid, local_search, seeding
from worker.progress import Meter, Stopped, run_here

Floats = NDArray[np.float64]

# Starts are made on one thread below this many times points x centres x starts: it ends before others have begun.
_WORTH_STARTING_APART = 1 << 14
# The starts end where others go on: sooner than what is taken to finer grids.
_ROUGH_TOLERANCE = 1e-3
# Crossings: how many draws of two; by how many of Lloyd's steps, and what a centre must gain to be moved in them, as a
# share of what a cluster has of the inertia; at most so many comparisons (about 1 ns each) for each start, centre and
# point.
_DRAWS, _CHILD_STEPS, _STILL, _CROSS_A_START = 2000, 6, 1e-3, 3.0
# A local search: how often a centre is tried elsewhere, how often in vain on end, by how many of Lloyd's steps.
_TRIALS, _IN_VAIN, _STEPS = 600, 100, 4
# Comparisons of a local search at most, for each centre.
_SEARCH_A_CENTER = 130_000.0
# Of the seeds of their own draws.
_SEARCH, _CROSSING = 1 << 20, 1 << 21
# A grid is rough if more than this share of the inertia is inside of its cells.
_ROUGH = 0.2

# Crossings pay where there are so many starts, and so many of their centres in all.
_STARTS_TO_CROSS, _CENTERS_TO_CROSS = 4, 128


class _Effort(NamedTuple):
    """What is spent on first centres."""

    levels: int  # how many of the grids the starts may run on, from the finest
    cells: int  # that a grid must have for each centre, if starts run on it
    candidates: int  # points drawn for each of k-means++'s centres
    iterations: int  # of Lloyd's, in a start
    crossed: int  # starts that are crossed with one another; the best ones
    taken_on: int  # of what comes of it, to the finer grids
    search_a_point: float  # comparisons of the local search at most, for each centre and point


def _effort(levels: list[grid.Grid], params: KMeansParams) -> _Effort:
    """A search alone finds few centres. With many it stands still, and what many starts have in common tells more; but
    the coarsest grid tells them too little: with 16 centres its best was up to 4 % above the best on all colours.
    """
    starts = params.n_init
    if starts < _STARTS_TO_CROSS or starts * number_of(params.n_clusters) < _CENTERS_TO_CROSS:
        return _Effort(len(levels), 16, 2 + int(math.log(number_of(params.n_clusters))), params.max_iter, 1, 1, 60.0)
    return _Effort(
        max(len(levels) - 1, 1), 8, 2, min(4, params.max_iter), 16, min(1 + starts // 6, 3), 8 + 1.5 * starts
    )


def first_centers(
    levels: list[grid.Grid], params: KMeansParams, fixed: Floats, meter: Meter
) -> tuple[Floats, NDArray[np.float64]]:
    """First centres for the colours, and the inertia of each start. The first of them are `fixed` f64[f, 3].

    The starts run on the coarsest grid with enough cells. They are crossed there, a search goes on from the best, and
    some go on through the finer grids, improved there while the one before left much of the inertia inside its cells.
    """
    with meter.part(0.0, 0.5) as part:
        runs, depth, inertias = best_starts(levels, params, fixed, part)
    for finer in range(depth - 1, -1, -1):
        rough = is_rough(levels, finer + 1, runs[0])
        if finer == 0 and not rough:
            break
        low = 1 - 0.5 ** (depth - finer)
        with meter.part(low, (1 + low) / 2) as part:
            runs = _taken_on(levels[finer], runs, params, rough, part)
    return runs[0].centers, inertias


def best_starts(
    levels: list[grid.Grid], params: KMeansParams, fixed: Floats, meter: Meter
) -> tuple[list[Run], int, NDArray[np.float64]]:
    """What the starts come to, the best first; the level that they ran on; the inertia of each start."""
    effort = _effort(levels, params)
    enough = effort.cells * number_of(params.n_clusters)
    depth = max((i for i in range(effort.levels) if len(levels[i].coords) >= enough), default=0)
    with meter.part(0.0, 0.4) as part:
        runs = _starts_on(levels[depth], params, effort, fixed, part)
    inertias = np.array([start.inertia for start in runs]) + _spread(levels, depth)
    with meter.part(0.4, 0.8) as part:
        runs = crossed(levels[depth], _best_first(runs)[: effort.crossed], params, part)
    with meter.part(0.8, 1.0) as part:
        return [searched(levels[depth], runs[0], params, effort, part), *runs[1 : effort.taken_on]], depth, inertias


def crossed(cells: grid.Grid, runs: list[Run], params: KMeansParams, meter: Meter) -> list[Run]:
    """What the runs become when they are crossed with one another, the best first."""
    first = runs[0]
    if len(runs) < 2 or first.fixed == len(first.centers):
        return _best_first(runs)
    centers, labels = np.stack([run.centers for run in runs]), np.stack([run.labels for run in runs])
    inertias = np.array([run.inertia for run in runs])
    uniforms = np.random.default_rng([params.seed, _CROSSING]).random((_DRAWS, 2))
    most = _CROSS_A_START * params.n_init * centers.shape[1] * len(cells.coords)
    call = (cells.coords, cells.weights, centers, labels, inertias, first.fixed, uniforms, _CHILD_STEPS, _STILL)
    _on_a_thread(breeding.breed, (*call, most), int(most), meter)
    found = (_run(cells, labels[at], centers[at], float(inertias[at]), first.fixed) for at in range(len(runs)))
    return _best_first(found)


def _best_first(runs: Iterable[Run]) -> list[Run]:
    return sorted(runs, key=lambda run: run.inertia)


def _run(cells: grid.Grid, labels: NDArray[np.int32], centers: Floats, inertia: float, fixed: int) -> Run:
    mass: Floats = np.bincount(labels, cells.weights, len(centers)).astype(np.float64)
    return Run(labels, mass, centers, inertia, 0, fixed)


def searched(cells: grid.Grid, best: Run, params: KMeansParams, effort: _Effort, meter: Meter) -> Run:
    """What a local search from that run leads to; the run itself if that is no better."""
    size = len(best.centers)
    if size < 2 or best.fixed == size:
        return best
    centers = best.centers.copy()
    uniforms = np.random.default_rng([params.seed, _SEARCH]).random(_TRIALS)
    most = size * min(effort.search_a_point * len(cells.coords), _SEARCH_A_CENTER)
    call = (cells.coords, cells.weights, centers, best.fixed, uniforms, _STEPS, _STILL, _IN_VAIN, most)
    with meter.part(0.0, 0.8) as part:
        _on_a_thread(local_search.search, call, _TRIALS, part)
    with meter.part(0.8, 1.0) as part:
        lloyd = Lloyd(cells, size, fixed=best.fixed)
        found = lloyd.run(centers, START_TOLERANCE, params.max_iter, part)
    return min(found, best, key=lambda run: run.inertia)


def _on_a_thread(kernel: Callable[..., object], call: tuple[Any, ...], work: int, meter: Meter) -> None:
    """Of its own, unless there are so few points and centres that it ends before that would have begun."""
    coords, _, centers = call[:3]
    if len(coords) * centers.shape[-2] < _WORTH_STARTING_APART:
        run_here(kernel, [call])
    else:
        meter.run(kernel, *call, work=work)


def is_rough(levels: list[grid.Grid], depth: int, run: Run) -> bool:
    """Whether much of the inertia of a run on that level is inside of its cells."""
    spread = _spread(levels, depth)
    return spread > _ROUGH * (run.inertia + spread)


def _spread(levels: list[grid.Grid], depth: int) -> float:
    """The inertia of the colours that the cells of finer levels hide from that one."""
    return sum(float(level.spread.sum()) for level in levels[:depth])


def _taken_on(cells: grid.Grid, runs: list[Run], params: KMeansParams, swap: bool, meter: Meter) -> list[Run]:
    """The runs on a finer grid, and crossed there: which of them is the best may be another one than before."""
    finer = []
    for number, run in enumerate(runs):
        with meter.part(number / (len(runs) + 1), (number + 1) / (len(runs) + 1)) as part:
            finer.append(refined(cells, run, params.max_iter, swap, part))
    with meter.part(len(runs) / (len(runs) + 1), 1.0) as part:
        return crossed(cells, finer, params, part)


def refined(cells: grid.Grid, run: Run, max_iter: int, swap: bool, meter: Meter) -> Run:
    """The run taken on to a finer grid, with swaps there if told so."""
    with meter.part(0.0, 0.5) as part:
        lloyd = Lloyd(cells, len(run.centers), fixed=run.fixed)
        run = lloyd.run(run.centers, START_TOLERANCE, max_iter, part)
    with meter.part(0.5, 1.0) as part:
        return improved(cells, run, part) if swap else run


def _starts_on(cells: grid.Grid, params: KMeansParams, effort: _Effort, fixed: Floats, meter: Meter) -> list[Run]:
    """Where each start ends, from k-means++."""
    size = number_of(params.n_clusters)

    def start(number: int, progress: NDArray[np.int64]) -> Run:
        generator = np.random.default_rng([params.seed, number])
        uniforms = generator.random((size, effort.candidates))
        centers = np.empty((size, 3))
        centers[: len(fixed)] = fixed
        seeding.seed_centers(cells, uniforms, len(fixed), centers, progress)
        lloyd = Lloyd(cells, size, fixed=len(fixed))
        return lloyd.run(centers, _ROUGH_TOLERANCE, effort.iterations, ThreadMeter(progress, size))

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
