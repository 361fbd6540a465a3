"""Clusters from a reachability plot: by excess of mass, by steepness (xi), or by a cut at one height (dbscan).

All three work on the runs of the plot, never on its pixels.
"""

from bisect import bisect_right
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from shared.params import OpticsParams, resolve_count
from worker.clustering.base import NOISE, ReachabilityPlot
from worker.kernels import plot as kernels
from worker.points import Points

AUTO_MIN_CLUSTER_SIZE = 0.01
"""Share of the pixels that a cluster of `auto` has at least, unless the parameters say otherwise."""

# One 8-bit step of a channel, or of lightness.
_STEP = {"rgb": 1.0, "lab": 100 / 255, "oklab": 1 / 255}


class Cut(NamedTuple):
    """Clusters of a plot; see `OpticsDetails`."""

    labels: NDArray[np.int32]  # [U], by run
    hierarchy: NDArray[np.int64]  # [C, 2]
    criterion: str
    heights: NDArray[np.float64]  # [k]


def resolution(points: Points) -> float:
    """The smallest distance that means anything: one 8-bit step in the space of the points."""
    scale = 1.0 if points.standardization is None else float(points.standardization.scale.mean())
    return _STEP[points.space] / scale


def cut(plot: ReachabilityPlot, params: OpticsParams, min_samples: int, resolution: float, units: int = 1) -> Cut:
    """Cut by `params.cluster_method`. `min_samples` and the plot count `units` of a pixel: see `Points`."""
    if params.cluster_method == "dbscan":
        return cut_at(plot, params)
    pixels = int(plot.count.sum())
    size = AUTO_MIN_CLUSTER_SIZE if params.min_cluster_size is None else params.min_cluster_size
    min_cluster_size = min(resolve_count(size, pixels, least=2, units=units), pixels)
    if params.cluster_method == "xi" and params.min_cluster_size is None:
        min_cluster_size = min_samples
    if params.cluster_method == "xi":
        return cut_by_xi(plot, params, min_samples, min_cluster_size)
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
    chosen = np.flatnonzero(kernels.choose_by_excess(valleys.parent, valleys.stability))
    chosen = chosen[np.argsort(valleys.begin[chosen])]
    labels = np.full(len(plot.point), NOISE, np.int32)
    for label, valley in enumerate(chosen):
        labels[valleys.begin[valley] : valleys.end[valley]] = label
    labels[np.isinf(plot.copies)] = NOISE
    hierarchy = np.column_stack([starts[valleys.begin], starts[valleys.end] - 1])[::-1]
    criterion = (
        f"greatest excess of mass among the plot's valleys of at least {round(min_cluster_size / units, 2):.12g} pixels"
    )
    return _compact(Cut(labels, hierarchy, criterion, valleys.birth[chosen]))


def cut_by_xi(plot: ReachabilityPlot, params: OpticsParams, min_samples: int, min_cluster_size: int) -> Cut:
    """scikit-learn's cluster_optics_xi: from a steep way down to a steep way up; of nested ones the innermost.

    A border may run between the copies of a colour. The colour then goes where most of its pixels are.
    """
    starts = plot.starts
    steps = kernels.cut_into_steps(plot.first, plot.copies, starts, plot.leader, params.xi)
    hierarchy = kernels.xi_clusters(steps, params.xi, min_samples, min_cluster_size, params.predecessor_correction)
    spans = disjoint(hierarchy)
    labels = label_runs(starts, spans)
    levels = steps.level[np.searchsorted(steps.last, np.column_stack([spans[:, 0], spans[:, 1] + 1]))]
    criterion = f"innermost valleys between slopes steeper than xi = {params.xi:g}"
    return _compact(Cut(labels, hierarchy, criterion, levels.min(axis=1)))


def disjoint(clusters: NDArray[np.int64]) -> NDArray[np.int64]:
    """Of clusters [first, last], those that meet none before them in the list; scikit-learn's labels number them."""
    taken: list[tuple[float, float]] = []  # in the order of places
    spans: list[tuple[int, int]] = []  # in the order of labels
    for first, last in clusters.tolist():
        at = bisect_right(taken, (last, np.inf))
        if at == 0 or taken[at - 1][1] < first:
            taken.insert(at, (first, last))
            spans.append((first, last))
    return np.array(spans, np.int64).reshape(-1, 2)


def label_runs(starts: NDArray[np.int64], spans: NDArray[np.int64]) -> NDArray[np.int32]:
    """Labels i32[U] by run, of disjoint spans [first, last] of places: what most of a run's pixels are, or the lowest.

    `starts` i64[U + 1] as in `ReachabilityPlot`.
    """
    order = np.argsort(spans[:, 0])
    begins, ends = spans[order, 0], spans[order, 1] + 1
    order = np.append(order, NOISE)  # found by the index -1: before all spans
    at = np.searchsorted(begins, starts[:-1], side="right") - 1
    labels = np.where(starts[:-1] < np.append(ends, 0)[at], order[at], NOISE)
    edges = np.concatenate([begins, ends])
    torn = np.searchsorted(starts, edges, side="right") - 1
    for run in np.unique(torn[(torn < len(labels)) & (starts[torn] != edges)]):
        pixels = np.minimum(ends, starts[run + 1]) - np.maximum(begins, starts[run])
        inside = np.flatnonzero(pixels > 0)
        votes = [(int(starts[run + 1] - starts[run] - pixels[inside].sum()), -NOISE)]
        votes += [(int(pixels[i]), -int(order[i])) for i in inside]
        labels[run] = -max(votes)[1]
    return labels.astype(np.int32)


def _compact(cut: Cut) -> Cut:
    """Without the labels that no colour has."""
    used = np.unique(cut.labels[cut.labels != NOISE])
    labels = np.where(cut.labels == NOISE, NOISE, np.searchsorted(used, cut.labels)).astype(np.int32)
    return cut._replace(labels=labels, heights=cut.heights[used])
