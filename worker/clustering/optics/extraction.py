"""Clusters from a reachability plot: by excess of mass, by steepness (xi), or by a cut at one height (dbscan).

All three work on the runs of the plot, never on its pixels.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from shared.contract.params import OpticsParams, resolve_count
from worker.clustering.base import NOISE
from worker.clustering.optics.details import ReachabilityPlot
from worker.kernels import plot as kernels
from worker.kernels.condense import excess_of_mass
from worker.progress import Meter

AUTO_MIN_CLUSTER_SIZE = 0.01
"""Share of the pixels that a cluster of `auto` has at least, unless the parameters say otherwise."""


class Cut(NamedTuple):
    """Clusters of a plot; see `OpticsDetails`."""

    labels: NDArray[np.int32]  # [U], by run
    hierarchy: NDArray[np.int64]  # [C, 2]
    criterion: str
    heights: NDArray[np.float64]  # [k]


def cut(
    plot: ReachabilityPlot, params: OpticsParams, min_samples: int, resolution: float, units: int, meter: Meter
) -> Cut:
    """Cut by `params.cluster_method`. `min_samples` and the plot count `units` of a pixel: see `Points`."""
    if params.cluster_method == "dbscan":
        return cut_at(plot, params)
    pixels = int(plot.count.sum())
    size = AUTO_MIN_CLUSTER_SIZE if params.min_cluster_size is None else params.min_cluster_size
    min_cluster_size = min(resolve_count(size, pixels, least=2, units=units), pixels)
    if params.cluster_method == "xi" and params.min_cluster_size is None:
        min_cluster_size = min_samples
    if params.cluster_method == "xi":
        return cut_by_xi(plot, params, min_samples, min_cluster_size, meter)
    return cut_by_excess(plot, min_cluster_size, resolution, units)


def cut_at(plot: ReachabilityPlot, params: OpticsParams) -> Cut:
    """scikit-learn's cluster_optics_dbscan: a cluster begins where a dense point is out of reach of those before."""
    eps = params.eps or params.max_eps
    assert eps is not None  # OpticsParams sees to it
    # Where `first` is above eps, `copies` tells what the core distance is: it is the lower of the two.
    far, dense = plot.first > eps, plot.copies <= eps
    labels = np.cumsum(far & dense) - 1
    labels[far & ~dense] = NOISE
    clusters = int(labels.max()) + 1
    criterion = f"reachable within {eps:g}"
    return Cut(labels.astype(np.int32), np.empty((0, 2), np.int64), criterion, np.full(clusters, float(eps)))


def cut_by_excess(plot: ReachabilityPlot, min_cluster_size: int, resolution: float, units: int = 1) -> Cut:
    """The valleys of the plot with the greatest excess of mass, as HDBSCAN chooses among its clusters.

    Pixels that nothing reaches are noise, and so is what lies outside the chosen valleys. A plot that does not part
    is one cluster.
    """
    starts = plot.starts
    valleys = kernels.condense_valleys(plot.first, plot.copies, starts, min_cluster_size, resolution)
    selected = excess_of_mass(valleys.parent, valleys.stability, False)
    if len(selected) == 1:
        selected[0] = valleys.stability[0] > 0
    chosen = np.flatnonzero(selected)
    chosen = chosen[np.argsort(valleys.begin[chosen])]
    labels = _range_of(np.arange(len(plot.point)), valleys.begin[chosen], valleys.end[chosen])
    labels[np.isinf(plot.copies)] = NOISE
    hierarchy = np.column_stack([starts[valleys.begin], starts[valleys.end] - 1])[::-1]
    size = round(min_cluster_size / units, 2)
    criterion = f"greatest excess of mass among the plot's valleys of at least {size:,.12g} pixels"
    return _compact(Cut(labels.astype(np.int32), hierarchy, criterion, valleys.birth[chosen]))


def cut_by_xi(
    plot: ReachabilityPlot, params: OpticsParams, min_samples: int, min_cluster_size: int, meter: Meter
) -> Cut:
    """scikit-learn's cluster_optics_xi: from a steep way down to a steep way up; of nested ones the innermost.

    A border may run between the copies of a colour. The colour then goes where most of its pixels are.
    """
    starts = plot.starts
    steps = kernels.cut_into_steps(plot.first, plot.copies, starts, plot.leader, params.xi)
    least = (min_samples, min_cluster_size)
    with meter.part(0.0, 0.8) as part:
        hierarchy = part.run(
            kernels.xi_clusters, steps, params.xi, *least, params.predecessor_correction, work=len(steps.last)
        )
    spans = kernels.disjoint(hierarchy)
    labels = label_runs(starts, spans)
    levels = steps.level[np.searchsorted(steps.last, np.column_stack([spans[:, 0], spans[:, 1] + 1]))]
    criterion = f"innermost valleys between slopes steeper than xi = {params.xi:g}"
    return _compact(Cut(labels, hierarchy, criterion, levels.min(axis=1)))


def label_runs(starts: NDArray[np.int64], spans: NDArray[np.int64]) -> NDArray[np.int32]:
    """Labels i32[U] by run, of disjoint spans [first, last] of places: what most of a run's pixels are, or the lowest.

    `starts` i64[U + 1] as in `ReachabilityPlot`.
    """
    order = np.argsort(spans[:, 0])
    begins, ends = spans[order, 0], spans[order, 1] + 1
    labels = np.append(order, NOISE)[_range_of(starts[:-1], begins, ends)]
    # Runs that a span begins or ends within, and how many of their pixels the span has.
    touched = np.searchsorted(starts, np.stack([begins, ends - 1]), side="right") - 1
    partial = np.stack([starts[touched[0]] != begins, starts[touched[1] + 1] != ends])
    run, span = np.unique(np.stack([touched[partial], np.nonzero(partial)[1]]), axis=1)
    pixels = np.minimum(ends[span], starts[run + 1]) - np.maximum(begins[span], starts[run])
    free = np.diff(starts)
    np.subtract.at(free, run, pixels)
    # The last one written stays: after what no span has the smaller shares, then the larger label.
    labels[run] = NOISE
    for_run = np.lexsort((-order[span], pixels))
    for_run = for_run[pixels[for_run] > free[run[for_run]]]
    labels[run[for_run]] = order[span[for_run]]
    return labels.astype(np.int32)


def _range_of(places: NDArray[np.int64], begins: NDArray[np.int64], ends: NDArray[np.int64]) -> NDArray[np.int64]:
    """Which of the ranges begin..end-1 each place is in, -1 where it is in none. They ascend and are disjoint."""
    at = np.searchsorted(begins, places, side="right") - 1
    return np.where(places < np.append(ends, 0)[at], at, -1)


def _compact(cut: Cut) -> Cut:
    """Without the labels that no colour has."""
    used = np.bincount(cut.labels[cut.labels != NOISE], minlength=len(cut.heights)) > 0
    number = np.append(np.cumsum(used, dtype=np.int32) - 1, np.int32(NOISE))  # noise is the index -1: the last place
    return cut._replace(labels=number[cut.labels], heights=cut.heights[used])
