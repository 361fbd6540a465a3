"""OPTICS: core distances, the walk through all colours by reachability, the plot, and clusters cut from it.

The ordering is scikit-learn's on the pixels, ties included: see `worker.kernels.optics`. Copies of a colour follow
its first pixel, which is where scikit-learn has them too, unless another pixel is exactly as near.
"""

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shared.contract.params import OpticsParams, resolve_count
from worker.clustering.base import Clustering
from worker.clustering.core_distances import core_distances
from worker.clustering.kd_tree import kd_tree
from worker.clustering.optics import extraction
from worker.clustering.optics.details import OpticsDetails, ReachabilityPlot
from worker.clustering.ties import without_rounding
from worker.color import spaces
from worker.color.points import Points
from worker.kernels import optics as kernels
from worker.kernels.kdtree import Tree
from worker.kernels.relative_neighbors import Neighbors, relative_neighbors
from worker.progress import Meter

LEAF_SIZE = 16

_FEW = 8
"""With more colours within a core distance on the average, all of them neighbours, listing them takes too long."""

_PIECES = 8
"""Calls on each thread: some regions are soon done."""


def run(points: Points, params: OpticsParams, meter: Meter) -> Clustering:
    """Order all points, then cut clusters from the plot by `params.cluster_method`."""
    # In raster order from here on: scikit-learn prefers the lowest index, that is a colour's first pixel.
    by_first = np.argsort(points.first)
    pixels = points.pixels
    min_samples = min(resolve_count(params.min_samples, pixels, least=2, units=points.units), pixels)
    max_eps = np.inf if params.max_eps is None else params.max_eps
    with meter.part(0.0, 0.02) as part:
        tree = kd_tree(points.coords[by_first], points.weights[by_first], LEAF_SIZE, part)
    with meter.part(0.02, 0.4) as part:
        cores = rounded(np.sqrt(core_distances(points, min_samples, part, tree)))
    cores[cores > max_eps] = np.inf
    with meter.part(0.4, 0.6) as part:
        few = min_samples * len(points) <= _FEW * pixels
        neighbors = neighbors_of(tree, cores, part) if few else nothing_known(len(points))
    with meter.part(0.6, 0.95) as part:
        walk = part.run(kernels.walk, kernels.gather(tree), cores, neighbors, max_eps, work=len(points))
    plot = ReachabilityPlot(
        point=by_first[walk.visited],
        first=walk.reachability,
        copies=np.minimum(walk.reachability, cores[walk.visited]),
        count=points.weights[by_first][walk.visited],
        leader=walk.predecessor,
    )
    shown = plot
    if params.cluster_method == "auto":  # the others are scikit-learn's
        first, copies = without_rounding(points, plot.first, plot.copies)
        shown = replace(plot, first=first, copies=copies)
    with meter.part(0.95, 0.98) as part:
        cut = extraction.cut(shown, params, min_samples, spaces.resolution(points), points.units, part)
    labels = by_point(plot, cut.labels)
    details = OpticsDetails(
        ordering=plot.point,
        reachability=by_point(plot, plot.first),
        core_distances=by_point(plot, cores[walk.visited]),
        predecessor=by_point(plot, np.where(plot.leader < 0, -1, plot.point[plot.leader])),
        plot=plot,
        hierarchy=cut.hierarchy,
        criterion=cut.criterion,
        heights=cut.heights,
    )
    return Clustering(labels, points.means(labels, len(cut.heights)), details)


def neighbors_of(tree: Tree, cores: NDArray[np.float64], meter: Meter) -> Neighbors:
    """Which steps each point may take, by rank, as `cores` f64[U] are."""
    size = len(cores)
    counts, known, last = np.empty(size, np.int64), np.empty(size), np.empty(size)
    given = (tree, (cores * cores)[tree.order], counts, known, last)
    ends = np.linspace(0, len(tree.begin), _PIECES * meter.threads + 1).astype(np.int64)
    calls = [(begin, end, *given) for begin, end in pairwise(ends)]
    found = meter.run_all(relative_neighbors, calls, size)
    by_rank = np.empty(size, np.int64)
    by_rank[tree.order] = np.arange(size)
    end = np.cumsum(counts)
    return Neighbors((end - counts)[by_rank], end[by_rank], np.concatenate(found), known[by_rank], last[by_rank])


def nothing_known(size: int) -> Neighbors:
    """For a walk that has to look around at every point."""
    none = np.zeros(size, np.int64)
    return Neighbors(none, none, np.empty(0, np.int32), np.zeros(size), np.full(size, np.inf))


def rounded(distances: NDArray[np.float64]) -> NDArray[np.float64]:
    """Distances as scikit-learn keeps them, so that what is a tie there is one here."""
    return np.around(distances, 15)


def by_point(plot: ReachabilityPlot, by_run: NDArray[Any]) -> NDArray[Any]:
    """Values of the runs as values of the points."""
    values = np.empty_like(by_run)
    values[plot.point] = by_run
    return values
