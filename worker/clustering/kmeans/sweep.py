"""KMeans for many numbers of clusters, from one preparation."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from shared.contract.params import KMeansParams, number_of
from worker.clustering.kmeans.lloyd import Lloyd, Run
from worker.clustering.kmeans.starts import ThreadMeter, best_starts, is_rough, refined
from worker.clustering.kmeans.swaps import START_TOLERANCE, improved, merged_center, merging_costs
from worker.kernels import grid
from worker.progress import Meter

Floats = NDArray[np.float64]

_COARSEST = 2
"""Of the grids: the one above it, of 8 cells along the longest axis, is good for a search, and tells too little of what
merges cost.
"""


def chain(levels: list[grid.Grid], params: KMeansParams, least: int, fixed: Floats, meter: Meter) -> list[Floats]:
    """Centres for `params.n_clusters`, one less, and so on down to `least` clusters, f64[k, 3] each.

    Only the first run has starts of its own, on the coarsest grid that tells enough. Each next one begins where the one
    before ended, with the two clusters made one whose merging costs least, and is improved by swaps. (`fixed` f64[f, 3]
    are never merged; so `least` is no less than f.)
    """
    with meter.part(0.0, 0.3) as part:
        (best, *_), depth, _ = best_starts(levels, params, fixed, part)
    with meter.part(0.3, 0.5) as part:
        while depth > _COARSEST or (depth > 0 and is_rough(levels, depth, best)):
            depth -= 1
            best = refined(levels[depth], best, params.max_iter, True, part)
    found = [best.centers]
    steps = number_of(params.n_clusters) - least
    for step in range(steps):
        with meter.part(0.5 + step / steps / 2, 0.5 + (step + 1) / steps / 2) as part:
            lloyd = Lloyd(levels[depth], len(best.centers) - 1, fixed=len(fixed))
            best = lloyd.run(_with_one_less(best), START_TOLERANCE, params.max_iter, part.within(0.0, 0.5))
            best = improved(levels[depth], best, part.within(0.5, 1.0))
            found.append(best.centers)
    return found


def _with_one_less(run: Run) -> Floats:
    """The centres after the merge that costs least."""
    cost = merging_costs(run)
    moved, into = (int(place) for place in np.unravel_index(np.argmin(cost), cost.shape))
    centers = run.centers.copy()
    centers[into] = merged_center(run, moved, into)
    return np.delete(centers, moved, axis=0)


def assigned(cells: grid.Grid, centers: list[Floats], fixed: int, meter: Meter) -> Iterator[NDArray[np.int32]]:
    """The labels of all colours for each of the `centers`, i32[U] in grid order; some at once, on threads."""

    def assign(mine: Floats, progress: NDArray[np.int64]) -> NDArray[np.int32]:
        return Lloyd(cells, len(mine), fixed=fixed).assign(mine, ThreadMeter(progress, len(mine)))

    for begin in range(0, len(centers), meter.threads):
        batch = centers[begin : begin + meter.threads]
        part = meter.within(begin / len(centers), (begin + len(batch)) / len(centers))
        yield from part.run_all(assign, [(mine,) for mine in batch], sum(len(mine) for mine in batch))
