"""KMeans over counted colours: exactly Lloyd's algorithm on every pixel."""

import numpy as np

from shared.contract.params import KMeansParams
from worker.clustering.base import Clustering
from worker.clustering.kmeans.details import KMeansDetails
from worker.clustering.kmeans.grids import FEW, grid_levels, grid_over, sides
from worker.clustering.kmeans.lloyd import Lloyd
from worker.clustering.kmeans.starts import first_centers
from worker.color import spaces
from worker.color.points import Points
from worker.kernels import grid
from worker.progress import Meter, run_here


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
            cells = grid_over(points.coords, points.weights, sides(len(points))[0], part)
        centers = spaces.centers_from_srgb(points, np.array(params.init, np.float64))
        with meter.part(0.2, 0.98) as part:
            ended = Lloyd(cells, params.n_clusters, points.first).run(centers, params.tol, params.max_iter, part)
        inertias = np.array([ended.inertia])
    else:
        with meter.part(0.0, 0.1) as part:
            levels = grid_levels(points, part)
        with meter.part(0.1, 0.6) as part:
            centers, inertias = first_centers(levels, params, part)
        cells = levels[0]
        with meter.part(0.6, 0.98) as part:
            ended = Lloyd(cells, params.n_clusters, points.first).run(centers, params.tol, params.max_iter, part)
    # Clusters that ended empty are left out; the others keep their order.
    used = np.flatnonzero(ended.mass)
    renumbered = ended.labels if len(used) == len(centers) else np.searchsorted(used, ended.labels).astype(np.int32)
    labels = np.empty(len(points), np.int32)
    with meter.part(0.98, 1.0) as part:
        if len(points) < FEW:
            run_here(grid.put_back, [(0, len(points), cells.order, renumbered, labels)])
        else:
            part.run_ranges(grid.put_back, len(points), cells.order, renumbered, labels)
    details = KMeansDetails(ended.inertia / points.units, ended.iterations, inertias / points.units)
    return Clustering(labels, ended.centers[used], details)
