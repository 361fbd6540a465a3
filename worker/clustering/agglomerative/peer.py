"""scikit-learn's AgglomerativeClustering on the pixels."""

import numpy as np

from shared.contract.params import AgglomerativeParams, number_of
from worker.clustering.agglomerative.details import AgglomerativeDetails
from worker.clustering.base import Answer, Pixels


def run(pixels: Pixels, params: AgglomerativeParams) -> Answer:
    """Its full dendrogram, and the cut that the parameters ask for."""
    from sklearn.cluster import AgglomerativeClustering

    clusters = None if params.n_clusters is None else min(number_of(params.n_clusters), len(pixels.points))
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
    return peer.labels_, _of_points(details, pixels)


def _of_points(details: AgglomerativeDetails, pixels: Pixels) -> AgglomerativeDetails:
    """The dendrogram of pixels as one of points: the merges of copies, which come first at height 0, left out."""
    total, size = len(pixels.coords), len(pixels.order)
    copies = total - size
    number = np.concatenate([pixels.order[pixels.owner], np.arange(-copies, size - 1) + size])
    for i in range(copies):
        number[total + i] = number[details.parts[i, 0]]
    parts = np.sort(number[details.parts[copies:]], axis=1)
    return AgglomerativeDetails(parts, details.heights[copies:], details.pixels[copies:])
