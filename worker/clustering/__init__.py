"""All clustering methods behind one function.

    registry          the methods that there are; kmeans, hdbscan, optics, agglomerative, assign: a room each
    base              what a method is, and what it gives back
    choose_k          one of several numbers of clusters, by their measures
    reference         the reference engine: other packages on the pixels, a `peer` in each method's room
    comparison        how far two runs are apart
    kd_tree, core_distances, spanning_tree, ties    what methods share

In a method's room: `engine` (points -> clustering), `details` (what the method says of its run), `peer`.
"""

from shared.contract.params import AnyParams
from worker.clustering import reference
from worker.clustering.base import NOISE, Clustering, Details
from worker.clustering.registry import method_of
from worker.color.points import Points
from worker.progress import Meter, Report, Stopped

__all__ = ["NOISE", "Clustering", "Details", "Points", "Report", "Stopped", "cluster", "in_order"]


def cluster(points: Points, params: AnyParams, report: Report | None = None, threads: int | None = None) -> Clustering:
    """Cluster `points` by the method that `params` are of.

    `report` is told the finished fraction about ten times a second and answers whether to go on; where it
    says no, Stopped is raised. `threads` (all processors by default) changes no result.
    """
    method = method_of(params.algorithm)
    with Meter(report, threads).part(0.0, 1.0) as whole:
        if params.engine == "reference":
            assert method.peer is not None, "its parameters refuse the reference engine"
            return reference.run(points, params, method.peer, whole)
        return method.run(points, params, whole)


def in_order(clustering: Clustering, points: Points, params: AnyParams) -> Clustering:
    """The clustering as it is told: by falling share, unless labels mean what the request says."""
    return clustering if method_of(params.algorithm).keeps_order else clustering.by_share(points)
