"""scikit-learn's KMeans on the pixels."""

from typing import Any

import numpy as np

from shared.contract.params import KMeansParams, number_of
from worker.clustering.base import Answer, Pixels
from worker.clustering.kmeans.details import KMeansDetails
from worker.color import spaces


def run(pixels: Pixels, params: KMeansParams) -> Answer:
    """Its labels, with the inertia in pixels."""
    from sklearn.cluster import KMeans
    from threadpoolctl import threadpool_limits

    clusters = min(number_of(params.n_clusters), len(pixels.points))
    init: Any = params.init
    starts = params.n_init
    if isinstance(params.init, list):
        given = np.array(params.init, np.float64)[:clusters]
        init, starts = spaces.centers_from_srgb(pixels.points, given), 1
    peer = KMeans(
        clusters, init=init, n_init=starts, max_iter=params.max_iter, tol=params.tol, random_state=params.seed
    )
    # Its threads add up their shares in the order in which they end: with two, the last digits change from run to run.
    with threadpool_limits(1):
        peer.fit(pixels.coords)
    inertia = float(peer.inertia_) / pixels.points.units
    return peer.labels_, KMeansDetails(inertia, int(peer.n_iter_), np.array([inertia]))
