"""KMeans over counted colours: exactly Lloyd's algorithm on every pixel."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from shared.contract.params import KMeansParams, number_of
from worker.clustering.base import Clustering
from worker.clustering.kmeans.details import KMeansDetails
from worker.clustering.kmeans.grids import FEW, grid_levels, grid_over, sides
from worker.clustering.kmeans.lloyd import Lloyd
from worker.clustering.kmeans.starts import first_centers
from worker.color import spaces
from worker.color.points import Points
from worker.kernels import grid
from worker.progress import Meter, run_here
from worker.quality.indices import without_rounding

Floats = NDArray[np.float64]


def run(points: Points, params: KMeansParams, meter: Meter, fixed: Sequence[Sequence[float]] = ()) -> Clustering:
    """Cluster `points` into `params.n_clusters` clusters, or as many as there are colours if that is fewer.

    The first clusters are those of the `fixed` sRGB colours (0..255), at most n_clusters: centres that do not move and
    stay with no pixel too. The others are found; given `init` centres are theirs.

    From given `init` centres, labels, inertia and iterations are scikit-learn's on all pixels: the nearest
    centre wins, the lowest index among equals; an empty cluster moves to the pixel farthest from its centre;
    it ends when no label changes or the centres' squared movement is at most `tol` times the mean variance of
    the axes. Clusters that end empty are left out.

    From k-means++, the `n_init` starts run on the mean colours of a grid's cells; `start_inertias` are what each has
    reached there, with the spread inside of the cells. Many are crossed with one another; the best is improved by a
    local search and swaps of centres, and goes on over all colours; its iterations there are counted.
    """
    given = spaces.centers_from_srgb(points, np.array(fixed, np.float64).reshape(-1, 3))
    free = number_of(params.n_clusters) - len(given)
    if len(points) < free and not len(given):
        return each_by_itself(points)
    if isinstance(params.init, list) or (len(given) and len(points) <= free):
        # With a free centre for each colour nothing is to be found; starts might end elsewhere.
        own = isinstance(params.init, str)
        init = points.coords if own else spaces.centers_from_srgb(points, np.array(params.init, np.float64))
        centers = np.concatenate([given, init])
        with meter.part(0.0, 0.2) as part:
            cells = grid_over(points.coords, points.weights, sides(len(points))[0], part)
        with meter.part(0.2, 1.0) as part:
            return _finished(points, cells, centers, None, len(given), params, part)
    with meter.part(0.0, 0.1) as part:
        levels = grid_levels(points, part)
    with meter.part(0.1, 1.0) as part:
        return run_on(levels, points, params, given, part)


def each_by_itself(points: Points) -> Clustering:
    """As many clusters as colours."""
    labels = np.arange(len(points), dtype=np.int32)
    return Clustering(labels, points.coords.copy(), KMeansDetails(0.0, 0, np.zeros(1)))


def run_on(levels: list[grid.Grid], points: Points, params: KMeansParams, given: Floats, meter: Meter) -> Clustering:
    """`run` from k-means++ on the points' own grids; `given` f64[f, 3] are the fixed centres in the points' space."""
    with meter.part(0.0, 0.55) as part:
        centers, inertias = first_centers(levels, params, given, part)
    with meter.part(0.55, 1.0) as part:
        return _finished(points, levels[0], centers, inertias, len(given), params, part)


def _finished(
    points: Points,
    cells: grid.Grid,
    centers: Floats,
    inertias: Floats | None,
    fixed: int,
    params: KMeansParams,
    meter: Meter,
) -> Clustering:
    """Lloyd's iterations over all colours; `inertias` of the starts, None where the run is the only one."""
    with meter.part(0.0, 0.95) as part:
        lloyd = Lloyd(cells, len(centers), points.first, fixed)
        ended = lloyd.run(centers, params.tol, params.max_iter, part)
    # Clusters that ended empty are left out, but for fixed ones; the others keep their order.
    used = np.flatnonzero((ended.mass > 0) | (np.arange(len(centers)) < fixed))
    renumbered = ended.labels if len(used) == len(centers) else np.searchsorted(used, ended.labels).astype(np.int32)
    with meter.part(0.95, 1.0) as part:
        labels = in_point_order(cells, renumbered, part)
    inertias = np.array([ended.inertia]) if inertias is None else inertias
    inertia = without_rounding(ended.inertia / points.units, points.pixels / points.units, spaces.resolution(points))
    details = KMeansDetails(inertia, ended.iterations, inertias / points.units)
    return Clustering(labels, ended.centers[used], details)


def in_point_order(cells: grid.Grid, labels: NDArray[np.int32], meter: Meter) -> NDArray[np.int32]:
    """Labels that stand in the order of a grid, in that of its points."""
    out = np.empty_like(labels)
    if len(labels) < FEW:
        run_here(grid.put_back, [(0, len(labels), cells.order, labels, out)])
    else:
        meter.run_ranges(grid.put_back, len(labels), cells.order, labels, out)
    return out
