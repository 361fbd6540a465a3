"""HDBSCAN: clusters of any shape by density, over all scales; what is sparse is noise."""

from shared.contract.params import HdbscanParams
from worker.clustering.base import ClusteringMethod
from worker.clustering.hdbscan import engine, peer
from worker.clustering.hdbscan.details import HdbscanDetails


def more(params: HdbscanParams) -> str:
    smaller = "smaller min_cluster_size and min_samples find smaller clusters, if there are several."
    by_leaves = params.cluster_selection_method in ("leaf", "plscan")  # for which the root is never a cluster
    if params.allow_single_cluster and not by_leaves:
        return smaller.capitalize()
    how = " and cluster_selection_method auto" if by_leaves else ""
    return f"With allow_single_cluster{how} all may be one cluster; {smaller}"


METHOD = ClusteringMethod(
    run=engine.run,
    peer=peer.run,
    compare=HdbscanDetails.compare,
    fewer=lambda _: "Use a larger min_cluster_size.",
    more=more,
    variants=(
        HdbscanParams(cluster_selection_method="leaf", cluster_selection_epsilon=2.0),
        HdbscanParams(cluster_selection_method="plscan"),
    ),
    tied=True,
)
