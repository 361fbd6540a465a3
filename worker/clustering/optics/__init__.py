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
    return f"Use a larger {f'{_limit(params)} or min_samples' if by_height else 'min_cluster_size'}."


def more(params: OpticsParams) -> str:
    # Without a limit of distance all pixels are reached, and are at least one cluster.
    return f"Use a larger {_limit(params)} or a smaller min_samples."


def _limit(params: OpticsParams) -> str:
    """The parameter that ends clusters by distance."""
    return "eps" if params.cluster_method == "dbscan" and params.eps is not None else "max_eps"


METHOD = ClusteringMethod(
    run=engine.run,
    peer=peer.run,
    compare=OpticsDetails.compare,
    fewer=fewer,
    more=more,
    variants=(OpticsParams(cluster_method="xi"), OpticsParams(cluster_method="dbscan", eps=50)),
)
