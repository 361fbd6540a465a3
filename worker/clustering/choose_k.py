"""How many clusters: KMeans or agglomerative clustering for a range of numbers, measured, and one number chosen."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from shared.contract.params import AgglomerativeParams, KMeansParams
from worker.clustering.agglomerative.engine import grow
from worker.clustering.base import Clustering
from worker.clustering.kmeans import engine
from worker.clustering.kmeans.details import KMeansDetails
from worker.clustering.kmeans.grids import grid_levels
from worker.clustering.kmeans.sweep import assigned, chain
from worker.color import spaces
from worker.color.points import Points
from worker.kernels.grid import Grid
from worker.progress import Meter
from worker.quality.criteria import Candidate, Choice, Criterion, best
from worker.quality.indices import around, indices
from worker.quality.labelings import Labelled, Sums, add_up, label
from worker.quality.silhouette import silhouettes

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Selection:
    """What was tried, and what was chosen."""

    criterion: Criterion
    chosen: int
    reason: str
    """One sentence for a person."""
    curve: tuple[Candidate, ...]
    """The measures of each number tried, ascending; for the chosen one, of the clustering that is the result."""
    frames: Labelled
    """The labels of all colours, in their order, for each number tried, as they were before one was chosen."""


def choose(
    points: Points,
    params: KMeansParams | AgglomerativeParams,
    numbers: range,
    criterion: Criterion | None,
    meter: Meter,
    fixed: Sequence[Sequence[float]] = (),
) -> tuple[Clustering, Selection]:
    """Cluster `points` into each of `numbers` of clusters; the clustering of the number that `criterion` chooses.

    `params` are those of any one number. Numbers above the number of colours are left out; if that leaves none, it is
    as many clusters as colours, and no fewer than fixed centres. The clustering is, to the last bit, what the method
    gives for the chosen number alone. None stands for the criterion that did best in trials: see
    `worker.quality.criteria`. `fixed` are sRGB centres of KMeans that do not move; no number may be below theirs.
    """
    least = max(min(numbers.start, len(points)), len(fixed))
    numbers = range(least, max(min(numbers.stop - 1, len(points)), least) + 1)
    if isinstance(params, KMeansParams):
        return _by_kmeans(points, params, numbers, criterion, fixed, meter)
    return _by_agglomeration(points, params, numbers, criterion, meter)


def _by_agglomeration(
    points: Points, params: AgglomerativeParams, numbers: range, criterion: Criterion | None, meter: Meter
) -> tuple[Clustering, Selection]:
    """One tree, cut at each number."""
    with meter.part(0.0, 0.6) as part:
        tree = grow(points, params.linkage, part)
    frames = label(points, (tree.labels(len(points) - number) for number in numbers), numbers)
    with meter.part(0.6, 1.0) as part:
        curve = _measured(frames, numbers, points, part)
    choice = best(curve, criterion)
    return tree.clustering(len(points) - numbers[choice.place]), _selection(curve, choice, frames)


def _by_kmeans(
    points: Points,
    params: KMeansParams,
    numbers: range,
    criterion: Criterion | None,
    fixed: Sequence[Sequence[float]],
    meter: Meter,
) -> tuple[Clustering, Selection]:
    """One chain of centres, the colours given to each of them once; then the chosen number run as if it were alone.

    That run may end a little better than the chain did. So its own measures take their place in the curve, and if
    another number is the best then, that one is run too: until the one that the curve names has been run.
    """
    given = spaces.centers_from_srgb(points, np.array(fixed, np.float64).reshape(-1, 3))
    with meter.part(0.0, 0.1) as part:
        levels = grid_levels(points, part)
    cells = levels[0]
    with meter.part(0.1, 0.5) as part:
        frames = frames_on(levels, points, params, numbers, given, part)
    with meter.part(0.5, 0.8) as part:
        curve = _measured(frames, numbers, points, part, given)
    tried: dict[int, Clustering] = {}
    while (choice := best(curve, criterion)).place not in tried:
        part = meter.within(1 - 0.2 / 2 ** len(tried), 1 - 0.1 / 2 ** len(tried))
        alone = _with_number(params, numbers[choice.place])
        ended = engine.run_on(levels, points, alone, given, part.within(0.0, 0.5))
        tried[choice.place] = ended
        curve[choice.place] = _of_result(ended, numbers[choice.place], points, part.within(0.5, 1.0))
    frames = replace(frames, cells=engine.in_point_order(cells, frames.cells.copy(), meter.within(1.0, 1.0)))
    return tried[choice.place], _selection(curve, choice, frames)


def frames_on(
    levels: list[Grid], points: Points, params: KMeansParams, numbers: range, given: Floats, meter: Meter
) -> Labelled:
    """The labels of all colours for each of `numbers`, in the order of the first of the grids."""
    with meter.part(0.0, 0.5) as part:
        centers = chain(levels, _with_number(params, numbers[-1]), numbers[0], given, part)[::-1]
    cells = levels[0]
    in_order = Points(cells.coords, cells.weights.astype(np.int64), points.first[cells.order], units=points.units)
    with meter.part(0.5, 1.0) as part:
        return label(in_order, assigned(cells, centers, len(given), part), numbers)


def _with_number(params: KMeansParams, number: int) -> KMeansParams:
    return params.model_copy(update={"n_clusters": number, "init": "k-means++"})


def _of_result(clustering: Clustering, number: int, points: Points, meter: Meter) -> Candidate:
    """The measures of the result, whose inertia is that which KMeans says of itself: around its own centres.

    Where it stopped by its tolerance they lie a little beside the means, which all else is measured around.
    """
    labelled = label(points, [clustering.labels], [len(clustering.centers)])
    (candidate,) = _measured(labelled, [number], points, meter)
    if not isinstance(clustering.details, KMeansDetails):
        return candidate
    own = around(candidate.indices, clustering.details.inertia, labelled.pixels, spaces.resolution(points))
    return replace(candidate, indices=own)


def _measured(
    labelled: Labelled, numbers: Sequence[int], points: Points, meter: Meter, given: Floats | None = None
) -> list[Candidate]:
    """The measures of each labelling, which has the number of clusters that stands in its place.

    `given` f64[f, 3] are centres that do not move, of the first clusters of each: the inertia is around them.
    """
    with meter.part(0.0, 0.2) as part:
        sums = add_up(labelled, part)
    with meter.part(0.2, 1.0) as part:
        means = silhouettes(labelled, sums, part)
    step = spaces.resolution(points)
    measures = indices(labelled, sums, step)
    if given is not None and len(given):
        moved = [_moved(sums, begin, given) / labelled.units for begin in sums.clusters.begin[:-1].tolist()]
        measures = [
            around(one, one.inertia + more, labelled.pixels, step) for one, more in zip(measures, moved, strict=True)
        ]
    return [Candidate(*one) for one in zip(numbers, measures, means, strict=True)]


def _moved(sums: Sums, begin: int, given: Floats) -> float:
    """What the inertia around the centres `given` is more than that around the means, for clusters from `begin` on."""
    rows = slice(begin, begin + len(given))
    squares = ((sums.clusters.means[rows] - given) ** 2).sum(axis=1)
    return float((sums.clusters.mass[rows] * squares).sum())


def _selection(curve: list[Candidate], choice: Choice, frames: Labelled) -> Selection:
    return Selection(choice.criterion, curve[choice.place].n_clusters, choice.reason, tuple(curve), frames)
