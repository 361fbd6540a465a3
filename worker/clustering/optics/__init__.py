"""OPTICS: an ordering of the pixels by reachability, and clusters cut from its plot.

engine      points -> plot -> clustering
extraction  clusters from a plot, in three ways
"""

from shared.contract.params import OpticsParams
from worker.clustering.base import ClusteringMethod
from worker.clustering.optics import engine, peer
from worker.clustering.optics.details import OpticsDetails


def fewer(params: OpticsParams) -> str:
    by_height = params.cluster_method == "dbscan"
    return f"Use a larger {'eps or min_samples' if by_height else 'min_cluster_size'}."


METHOD = ClusteringMethod(
    run=engine.run,
    peer=peer.run,
    compare=OpticsDetails.compare,
    fewer=fewer,
    variants=(OpticsParams(cluster_method="xi"), OpticsParams(cluster_method="dbscan", eps=50)),
)
