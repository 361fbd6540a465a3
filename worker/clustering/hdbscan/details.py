"""What HDBSCAN says of its run, and what the package that it is held against says."""

from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from shared.contract.params import HdbscanParams
from worker.clustering.comparison import Comparison, largest_difference
from worker.color.points import Points

# Labels are shown, but do not decide. Mutual reachability is full of ties, above all among copies: the package merges
# one by one in an order of its own, huemill all at once.
_LEAST_EQUAL = 0.0


@dataclass(frozen=True)
class ReferenceDetails:
    """What the `hdbscan` package says of each pixel, in its own names and numbering."""

    package: str
    owner: NDArray[np.int64]  # [N]: the pixel's colour, counted in the order of the colours' first pixels; ascending
    values: dict[str, NDArray[Any]]

    def summary(self) -> dict[str, Any]:
        """What belongs into a result's `quality`: JSON values, a few numbers."""
        return {"package": self.package}

    def of_clusters(self, _: NDArray[np.int64]) -> Self:
        """The same: the package's numbering stays."""
        return self


@dataclass(frozen=True)
class CondensedTree:
    """HDBSCAN's tree of clusters: C clusters, parents before children, the root first. Lambda is 1 / distance."""

    parent: NDArray[np.int64]  # [C]: the cluster that this one split from, -1 for the root
    birth: NDArray[np.float64]  # [C]: lambda of that split, 0 for the root
    pixels: NDArray[np.int64]  # [C]
    point_parent: NDArray[np.int64]  # [U]: the last cluster that the point's pixels were in
    point_lambda: NDArray[np.float64]  # [U]: lambda at which they left it, or fell apart
    stability: NDArray[np.float64]
    """[C]: excess of mass; with `eom`, at least that of the clusters chosen below; see `engine.select`."""


@dataclass(frozen=True)
class HdbscanDetails:
    """All that HDBSCAN found on its way. Distances are in the space of the points, none below `resolution`."""

    core_distances: NDArray[np.float64]  # [U], by point; where its copies, if it has any, join
    edges: NDArray[np.int64]  # [U - 1, 2]: a minimum spanning tree of the points under mutual reachability
    edge_lengths: NDArray[np.float64]  # [U - 1]: ascending
    parts: NDArray[np.int64]  # [U - 1, 2]: single linkage as in scipy: leaf i is point i, merge i makes U + i
    heights: NDArray[np.float64]  # [U - 1]: the same numbers as `edge_lengths`
    pixels: NDArray[np.int64]  # [U - 1]: how many pixels the union has
    condensed: CondensedTree
    selected: NDArray[np.int64]  # [k]: the cluster of the condensed tree that each label stands for
    persistence: NDArray[np.float64]  # [k]: 0..1, how long a cluster lasts over the scales
    probabilities: NDArray[np.float64]  # [U]: strength of membership, 0 for noise
    outlier_scores: NDArray[np.float64]  # [U]: GLOSH, 0..1
    exemplars: tuple[NDArray[np.int64], ...]  # [k]: the last points to leave each cluster
    resolution: float
    min_cluster_size: int | None  # in pixels, where it was chosen: no selected cluster has fewer

    def summary(self) -> dict[str, Any]:
        """What belongs into a result's `quality`: JSON values, a few numbers."""
        persistence = [float(value) for value in self.persistence[:256]]
        told = {"persistence": persistence, "hierarchy": len(self.condensed.parent), "resolution": self.resolution}
        return told if self.min_cluster_size is None else {**told, "min_cluster_size": self.min_cluster_size}

    def of_clusters(self, clusters: NDArray[np.int64]) -> Self:
        """The same with `selected`, `persistence` and `exemplars` in that order."""
        exemplars = tuple(self.exemplars[cluster] for cluster in clusters.tolist())
        selected, persistence = self.selected[clusters], self.persistence[clusters]
        return replace(self, selected=selected, persistence=persistence, exemplars=exemplars)

    def compare(self, reference: ReferenceDetails, points: Points, params: HdbscanParams) -> Comparison:
        """By all heights of single linkage, those of copies included."""
        copies = np.repeat(self.core_distances, points.weights - 1)
        heights = np.sort(np.concatenate([self.heights, copies]))
        # The package knows no least distance: colours of more copies than min_samples have a core distance of 0.
        package = np.sort(np.maximum(reference.values["heights"], self.resolution))
        return Comparison("heights", largest_difference(heights, package), least_equal=_LEAST_EQUAL)
