"""The four clustering methods behind one function."""

from importlib import import_module
from typing import cast

from shared.contract.params import AnyParams
from worker.clustering.base import NOISE, Clustering, Details
from worker.color.points import Points
from worker.progress import Meter, Report, Stopped

__all__ = ["NOISE", "Clustering", "Details", "Points", "Report", "Stopped", "cluster"]


def cluster(points: Points, params: AnyParams, report: Report | None = None, threads: int | None = None) -> Clustering:
    """Cluster `points` by the method that `params` are of.

    `report` is told the finished fraction about ten times a second and answers whether to go on; where it
    says no, Stopped is raised. `threads` (all processors by default) changes no result.
    """
    meter = Meter(report, threads)
    # Imported on demand: a worker loads only the methods, and the peers' packages, that its jobs ask for.
    name = "reference" if params.engine == "reference" else f"{params.algorithm}.engine"
    method = import_module(f"worker.clustering.{name}")
    with meter.part(0.0, 1.0) as whole:
        return cast(Clustering, method.run(points, params, whole))
