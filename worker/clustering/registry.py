"""The methods that there are. A new one is a file (or a room) beside this one that has a METHOD, and its line here.

Its parameters have a file and a line of their own, in `shared.contract.params`.
"""

from importlib import import_module
from typing import Any

from worker.clustering.base import ClusteringMethod

METHODS: dict[str, str] = {
    "kmeans": "worker.clustering.kmeans",
    "hdbscan": "worker.clustering.hdbscan",
    "optics": "worker.clustering.optics",
    "agglomerative": "worker.clustering.agglomerative",
    "assign": "worker.clustering.assign",
}


def method_of(algorithm: str) -> ClusteringMethod[Any, Any, Any]:
    """The method of that name. It is loaded when it is first asked for: its kernels take a while, and memory."""
    method: ClusteringMethod[Any, Any, Any] = import_module(METHODS[algorithm]).METHOD
    return method
