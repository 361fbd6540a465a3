"""The reference engine: scikit-learn and hdbscan on the pixels themselves, to hold the exact engine against.

The pixels are the colours in the order of their first pixels, each repeated as often as it counts: where the peers
break ties by the lowest index, the first pixel of a colour decides, as it does in the image. A colour whose pixels
the peer gives several labels gets the one that most of them have, of several the lowest.

The packages cannot be told to stop and do not say how far they are: progress stands still while they run.
"""

import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from shared.contract.errors import FieldError, InvalidParams
from shared.contract.params import (
    AgglomerativeParams,
    AnyParams,
    HdbscanParams,
    KMeansParams,
    OpticsParams,
    check_reference_size,
    resolve_count,
)
from worker.clustering.base import (
    NOISE,
    AgglomerativeDetails,
    Clustering,
    Details,
    KMeansDetails,
    OpticsDetails,
    ReachabilityPlot,
    ReferenceDetails,
)
from worker.clustering.optics import extraction
from worker.color import spaces
from worker.color.points import Points
from worker.progress import Meter


class Pixels(NamedTuple):
    """The points, pixel by pixel."""

    points: Points  # in the order of their first pixels
    coords: NDArray[np.float64]  # [N, 3]
    owner: NDArray[np.int64]  # [N]: which of `points` a pixel is, ascending


Answer = tuple[NDArray[Any], Details]  # a label for each pixel, and the details
Peer = Callable[[Pixels, Any], Answer]


def run(points: Points, params: AnyParams, meter: Meter) -> Clustering:
    """What the peer makes of every pixel, with the parameters of the exact engine and their meaning there."""
    check_size(points.pixels, params, points.units)
    meter.tell(0.0)
    order = np.argsort(points.first)
    ordered = Points(
        points.coords[order],
        points.weights[order],
        points.first[order],
        points.space,
        points.standardization,
        points.units,
    )
    owner = np.repeat(np.arange(len(points)), ordered.weights)
    by_pixel, details = _PEERS[params.algorithm](Pixels(ordered, ordered.coords[owner], owner), params)
    in_order = label_of_most(by_pixel, ordered.weights)
    labels = np.empty(len(points), np.int32)
    labels[order] = in_order
    return Clustering(*_with_centers(labels, points), _in_point_order(details, ordered.weights, order))


def check_size(pixels: int, params: AnyParams, units: int = 1) -> None:
    """Raises TooManyPixels above the algorithm's limit, InvalidParams below the two pixels that peers ask for."""
    check_reference_size(pixels, params, units)
    if pixels < 2:
        message = "must be exact where there is one pixel only: the peers ask for two"
        raise InvalidParams([FieldError(field="engine", value=params.engine, message=message)])


def label_of_most(by_pixel: NDArray[Any], weights: NDArray[np.int64]) -> NDArray[np.int32]:
    """Labels i32[U] from labels [N] of pixels that stand colour by colour: the one most pixels have, or the lowest."""
    ends = np.cumsum(weights)
    labels = by_pixel[ends - 1].astype(np.int32)
    torn = np.unique(np.searchsorted(ends, np.flatnonzero(by_pixel != np.repeat(labels, weights)), side="right"))
    for color in torn:
        own = by_pixel[ends[color] - weights[color] : ends[color]]
        labels[color] = np.bincount(own - NOISE).argmax() + NOISE
    return labels


def _with_centers(labels: NDArray[np.int32], points: Points) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """The labels, those without a colour left out, and the mean of each cluster's pixels."""
    used = np.unique(labels[labels != NOISE])
    labels = np.where(labels == NOISE, NOISE, np.searchsorted(used, labels)).astype(np.int32)
    return labels, points.means(labels, len(used))


def _kmeans(pixels: Pixels, params: KMeansParams) -> Answer:
    from sklearn.cluster import KMeans

    clusters = min(params.n_clusters, len(pixels.points))
    init: Any = params.init
    starts = params.n_init
    if isinstance(params.init, list):
        given = np.array(params.init, np.float64)[:clusters]
        init, starts = spaces.centers_from_srgb(pixels.points, given), 1
    peer = KMeans(
        clusters, init=init, n_init=starts, max_iter=params.max_iter, tol=params.tol, random_state=params.seed
    )
    peer.fit(pixels.coords)
    inertia = float(peer.inertia_) / pixels.points.units
    return peer.labels_, KMeansDetails(inertia, int(peer.n_iter_), np.array([inertia]))


def _agglomerative(pixels: Pixels, params: AgglomerativeParams) -> Answer:
    from sklearn.cluster import AgglomerativeClustering

    clusters = None if params.n_clusters is None else min(params.n_clusters, len(pixels.points))
    # Ward's heights grow with the root of the weights: see the exact engine.
    growth = np.sqrt(pixels.points.units) if params.linkage == "ward" else 1.0
    peer = AgglomerativeClustering(
        n_clusters=clusters,
        distance_threshold=None if params.distance_threshold is None else params.distance_threshold * growth,
        linkage=params.linkage,
        compute_distances=True,
        compute_full_tree=True,
    )
    peer.fit(pixels.coords)
    merges = np.sort(peer.children_.astype(np.int64), axis=1)
    size = np.concatenate([np.ones(len(pixels.coords), np.int64), np.zeros(len(merges), np.int64)])
    for i, (a, b) in enumerate(merges):
        size[len(pixels.coords) + i] = size[a] + size[b]
    details = AgglomerativeDetails(merges, peer.distances_ / growth, size[len(pixels.coords) :])
    return peer.labels_, details


def _of_colors(
    details: AgglomerativeDetails, weights: NDArray[np.int64], order: NDArray[np.int64]
) -> AgglomerativeDetails:
    """The dendrogram of pixels as one of colours: the merges of copies, which come first at height 0, left out."""
    pixels, copies = int(weights.sum()), int((weights - 1).sum())
    number = np.concatenate([np.repeat(order, weights), np.arange(-copies, len(order) - 1) + len(order)])
    for i in range(copies):
        number[pixels + i] = number[details.parts[i, 0]]
    parts = np.sort(number[details.parts[copies:]], axis=1)
    return AgglomerativeDetails(parts, details.heights[copies:], details.pixels[copies:])


def _optics(pixels: Pixels, params: OpticsParams) -> Answer:
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
    cut = extraction.cut(plot, params, min_samples, extraction.resolution(pixels.points), units, Meter())
    labels = peer.labels_
    if params.cluster_method == "auto":
        # huemill's own way to cut, on scikit-learn's plot.
        labels = np.empty(total, np.int32)
        labels[plot.point] = cut.labels
    _, visits = np.unique(pixels.owner[plot.point], return_index=True)
    leader = peer.predecessor_[plot.point[visits]]
    details = OpticsDetails(
        ordering=pixels.owner[plot.point[np.sort(visits)]],
        reachability=plot.first[visits],
        core_distances=peer.core_distances_[plot.point[visits]],
        predecessor=np.where(leader < 0, -1, pixels.owner[leader]),
        plot=replace(plot, point=pixels.owner[plot.point]),
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


def _in_point_order(details: Details, weights: NDArray[np.int64], order: NDArray[np.int64]) -> Details:
    """Details of points in raster order, or of their pixels, as details of the points as they came."""
    if isinstance(details, AgglomerativeDetails):
        return _of_colors(details, weights, order)
    if isinstance(details, OpticsDetails):
        rank = np.argsort(order)
        return replace(
            details,
            ordering=order[details.ordering],
            reachability=details.reachability[rank],
            core_distances=details.core_distances[rank],
            predecessor=np.append(order, -1)[details.predecessor][rank],
            plot=replace(details.plot, point=order[details.plot.point]),
        )
    return details


_MOST_FOR_PRIM = 10_000
"""Pixels: about a second and a half."""


def _hdbscan(pixels: Pixels, params: HdbscanParams) -> Answer:
    from hdbscan import HDBSCAN

    total, units = len(pixels.coords), pixels.points.units
    peer = HDBSCAN(
        min_cluster_size=min(resolve_count(params.min_cluster_size, total, least=2, units=units), total + 1),
        min_samples=min(resolve_count(params.min_samples, total, units=units), total),
        cluster_selection_method=params.cluster_selection_method,
        cluster_selection_epsilon=params.cluster_selection_epsilon,
        allow_single_cluster=params.allow_single_cluster,
        # The package's Borůvka, some six times as fast, sometimes gives a spanning tree that is not minimal.
        algorithm="prims_kdtree" if total <= _MOST_FOR_PRIM else "boruvka_kdtree",
        approx_min_span_tree=False,
        core_dist_n_jobs=1,
    )
    peer.fit(pixels.coords)
    values = {
        "probabilities": peer.probabilities_,
        "persistence": np.asarray(peer.cluster_persistence_),
        "heights": peer.single_linkage_tree_.to_numpy()[:, 2],
    }
    return peer.labels_, ReferenceDetails("hdbscan", pixels.owner, values)


_PEERS: dict[str, Peer] = {
    "kmeans": _kmeans,
    "agglomerative": _agglomerative,
    "optics": _optics,
    "hdbscan": _hdbscan,
}
