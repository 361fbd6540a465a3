"""Agglomerative clustering: the two nearest clusters are merged, again and again."""

from shared.contract.params import AgglomerativeParams
from worker.clustering.agglomerative import engine, peer
from worker.clustering.agglomerative.details import AgglomerativeDetails
from worker.clustering.base import ClusteringMethod

METHOD = ClusteringMethod(
    run=engine.run,
    peer=peer.run,
    compare=AgglomerativeDetails.compare,
    fewer=lambda _: "Use a larger distance_threshold, or give n_clusters.",
    variants=(AgglomerativeParams(linkage="single"), AgglomerativeParams(linkage="complete")),
    tied=True,
)
