"""scikit-learn's AgglomerativeClustering on the pixels."""

import numpy as np
from numpy.typing import NDArray

from shared.contract.params import AgglomerativeParams
from worker.clustering.agglomerative.details import AgglomerativeDetails
from worker.clustering.base import Answer, Pixels


def run(pixels: Pixels, params: AgglomerativeParams) -> Answer:
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


def of_colors(
    details: AgglomerativeDetails, weights: NDArray[np.int64], order: NDArray[np.int64]
) -> AgglomerativeDetails:
    """The dendrogram of pixels as one of colours: the merges of copies, which come first at height 0, left out."""
    pixels, copies = int(weights.sum()), int((weights - 1).sum())
    number = np.concatenate([np.repeat(order, weights), np.arange(-copies, len(order) - 1) + len(order)])
    for i in range(copies):
        number[pixels + i] = number[details.parts[i, 0]]
    parts = np.sort(number[details.parts[copies:]], axis=1)
    return AgglomerativeDetails(parts, details.heights[copies:], details.pixels[copies:])
