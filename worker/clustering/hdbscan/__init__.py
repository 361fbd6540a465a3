"""HDBSCAN: clusters of any shape by density, over all scales; what is sparse is noise."""

from shared.contract.params import HdbscanParams
from worker.clustering.base import ClusteringMethod
from worker.clustering.hdbscan import engine, peer
from worker.clustering.hdbscan.details import HdbscanDetails

METHOD = ClusteringMethod(
    run=engine.run,
    peer=peer.run,
    compare=HdbscanDetails.compare,
    fewer=lambda _: "Use a larger min_cluster_size.",
    variants=(
        HdbscanParams(cluster_selection_method="leaf", cluster_selection_epsilon=2.0),
        HdbscanParams(cluster_selection_method="plscan"),
    ),
    tied=True,
)
