"""scikit-learn's OPTICS on the pixels."""

import warnings
from dataclasses import replace
from typing import Any

import numpy as np

from shared.contract.params import OpticsParams, resolve_count
from worker.clustering.base import Answer, Pixels
from worker.clustering.optics import extraction
from worker.clustering.optics.details import OpticsDetails, ReachabilityPlot
from worker.color import spaces
from worker.progress import Meter


def run(pixels: Pixels, params: OpticsParams) -> Answer:
    """Its ordering; clusters are cut from it as scikit-learn does, or by huemill's own criterion (`auto`)."""
    from sklearn.cluster import OPTICS

    total = len(pixels.coords)
    units = pixels.points.units
    min_samples = min(resolve_count(params.min_samples, total, least=2, units=units), total)
    least = None
    if params.min_cluster_size is not None:
        least = min(resolve_count(params.min_cluster_size, total, least=2, units=units), total)
    peer = OPTICS(
        min_samples=min_samples,
        max_eps=np.inf if params.max_eps is None else params.max_eps,
        cluster_method="dbscan" if params.cluster_method == "dbscan" else "xi",
        xi=params.xi,
        eps=params.eps,
        min_cluster_size=least,
        predecessor_correction=params.predecessor_correction,
    )
    with np.errstate(divide="ignore", invalid="ignore"), warnings.catch_warnings():
        # Copies have reachability 0, and the ratios of two zeros are what xi looks at; an image of a single dense
        # patch, or none, draws a warning that says so.
        warnings.filterwarnings("ignore", message="All reachability values are inf", category=UserWarning)
        peer.fit(pixels.coords)
    plot = _pixel_plot(peer)
    cut = extraction.cut(plot, params, min_samples, spaces.resolution(pixels.points), units, Meter())
    labels = peer.labels_
    if params.cluster_method == "auto":
        # huemill's own way to cut, on scikit-learn's plot.
        labels = np.empty(total, np.int32)
        labels[plot.point] = cut.labels
    points = pixels.order[pixels.owner[plot.point]]  # whose pixels they are, from place to place
    _, visits = np.unique(points, return_index=True)
    leader = peer.predecessor_[plot.point[visits]]
    details = OpticsDetails(
        ordering=points[np.sort(visits)],
        reachability=plot.first[visits],
        core_distances=peer.core_distances_[plot.point[visits]],
        predecessor=np.where(leader < 0, -1, pixels.order[pixels.owner[leader]]),
        plot=replace(plot, point=points),
        hierarchy=cut.hierarchy,
        criterion=cut.criterion,
        heights=cut.heights,
    )
    return labels, details


def _pixel_plot(peer: Any) -> ReachabilityPlot:
    """scikit-learn's plot, in which every pixel is a run of its own."""
    order = peer.ordering_
    place = np.empty(len(order) + 1, np.int64)
    place[order] = np.arange(len(order))
    place[-1] = -1  # of no predecessor, which is -1
    first = peer.reachability_[order]
    copies = np.minimum(first, peer.core_distances_[order])
    return ReachabilityPlot(order, first, copies, np.ones(len(order), np.int64), place[peer.predecessor_[order]])
