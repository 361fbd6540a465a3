"""The hdbscan package on the pixels. What it has no name for is chosen from its condensed tree."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from shared.contract.params import HdbscanParams, resolve_count
from worker.clustering.base import Answer, Pixels
from worker.clustering.hdbscan.details import ReferenceDetails
from worker.clustering.hdbscan.engine import label_points, resolution, select
from worker.kernels import condense as kernels
from worker.progress import Meter

_MOST_FOR_PRIM = 10_000
"""Pixels: about a second and a half."""


def run(pixels: Pixels, params: HdbscanParams) -> Answer:
    """Its labels, probabilities, persistences and heights of single linkage."""
    from hdbscan import HDBSCAN

    total, units = len(pixels.coords), pixels.points.units
    least = min(resolve_count(params.min_cluster_size, total, least=2, units=units), total + 1)
    method = params.cluster_selection_method
    known = method in ("eom", "leaf")
    peer = HDBSCAN(
        min_cluster_size=least,
        min_samples=min(resolve_count(params.min_samples, total, units=units), total),
        cluster_selection_method=method if known else "eom",
        cluster_selection_epsilon=params.cluster_selection_epsilon,
        allow_single_cluster=params.allow_single_cluster,
        # The package's Borůvka, some six times as fast, sometimes gives a spanning tree that is not minimal.
        algorithm="prims_kdtree" if total <= _MOST_FOR_PRIM else "boruvka_kdtree",
        approx_min_span_tree=False,
        core_dist_n_jobs=1,
    )
    peer.fit(pixels.coords)
    values = {"heights": peer.single_linkage_tree_.to_numpy()[:, 2]}
    if known:
        values |= {"probabilities": peer.probabilities_, "persistence": np.asarray(peer.cluster_persistence_)}
        return peer.labels_, ReferenceDetails("hdbscan", pixels.owner, values)
    # Pixels at distance 0 would be infinitely stable: they count as in the exact engine.
    tree = _condensed(peer.condensed_tree_.to_numpy(), total, 1.0 / resolution(pixels.points, params))
    stability = kernels.stabilities(tree, np.ones(total, np.int64))
    selected, _ = select(tree, stability, least, pixels.points.units, params, Meter())
    labels = label_points(tree, selected, kernels.deaths(tree), params)
    return labels, ReferenceDetails("hdbscan", pixels.owner, values)


def _condensed(rows: NDArray[Any], total: int, densest: float) -> kernels.Condensed:
    """The package's condensed tree as huemill's own, no lambda above `densest`.

    `rows` are as in `CondensedTree.to_numpy`: pixels are 0..N-1, clusters N and up, the root first.
    """
    rows = rows[np.argsort(rows["child"])]
    pixel = rows["child"] < total
    above, left = rows["parent"] - total, np.minimum(rows["lambda_val"], densest)
    return kernels.Condensed(
        parent=np.append(kernels.NOBODY, above[~pixel]),
        birth=np.append(0.0, left[~pixel]),
        pixels=np.append(total, rows["child_size"][~pixel]),
        point_parent=above[pixel],
        point_lambda=left[pixel],
    )
