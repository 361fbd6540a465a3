"""The hdbscan package on the pixels."""

import numpy as np

from shared.contract.params import HdbscanParams, resolve_count
from worker.clustering.base import Answer, Pixels
from worker.clustering.hdbscan.details import ReferenceDetails

_MOST_FOR_PRIM = 10_000
"""Pixels: about a second and a half."""


def run(pixels: Pixels, params: HdbscanParams) -> Answer:
    """Its labels, probabilities, persistences and heights of single linkage."""
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
