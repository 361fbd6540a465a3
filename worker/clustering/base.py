"""What every clustering method gives back."""

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from shared.contract.results import NOISE_LABEL

NOISE = NOISE_LABEL


@dataclass(frozen=True)
class KMeansDetails:
    """What an expert wants to know of a KMeans run."""

    inertia: float
    """Sum over the pixels of the squared distance to their centre, in the space of the clustering."""
    iterations: int
    """Lloyd iterations of the winning start."""
    start_inertias: NDArray[np.float64]  # [starts]

    def summary(self) -> dict[str, Any]:
        """What belongs into a result's `quality`: JSON values, a few numbers."""
        return {"inertia": self.inertia, "iterations": self.iterations}


@dataclass(frozen=True)
class AgglomerativeDetails:
    """The dendrogram over the U points, numbered as in scipy: leaf i is point i, the merge i makes cluster U + i.

    Merges stand by height, those of equal height in the order in which they were found. Copies of a point are
    one leaf: on the pixels they would be merged before, at height 0.
    """

    parts: NDArray[np.int64]  # [U - 1, 2]: the two clusters merged, smaller number first
    heights: NDArray[np.float64]  # [U - 1]: ascending, in the space of the points; scipy's and scikit-learn's
    pixels: NDArray[np.int64]  # [U - 1]: how many pixels the union has

    def summary(self) -> dict[str, Any]:
        """What belongs into a result's `quality`: JSON values, a few numbers."""
        return {"last_heights": [float(height) for height in self.heights[-32:]]}


@dataclass(frozen=True)
class ReferenceDetails:
    """What the reference engine's OPTICS or HDBSCAN says of each pixel, in the package's own names and numbering."""

    package: str
    owner: NDArray[np.int64]  # [N]: the pixel's colour, counted in the order of the colours' first pixels; ascending
    values: dict[str, NDArray[Any]]

    def summary(self) -> dict[str, Any]:
        """What belongs into a result's `quality`: JSON values, a few numbers."""
        return {"package": self.package}


@dataclass(frozen=True)
class ReachabilityPlot:
    """An OPTICS plot of all pixels, run-length encoded: a run is a colour, its first pixel and then its copies.

    On the pixels the plot reads `first[i]`, then `count[i] - 1` times `copies[i]`, run after run.
    """

    point: NDArray[np.int64]  # [U]: the run's point
    first: NDArray[np.float64]  # [U]: reachability of the run's first pixel, inf at a start
    copies: NDArray[np.float64]  # [U]: reachability of the other pixels, min(first, core distance)
    count: NDArray[np.int64]  # [U]: pixels
    leader: NDArray[np.int64]  # [U]: the run from whose first pixel this one was reached, -1 at a start

    @property
    def starts(self) -> NDArray[np.int64]:
        """i64[U + 1]: the place of each run's first pixel, then the number of pixels."""
        return np.concatenate([[0], np.cumsum(self.count)])


@dataclass(frozen=True)
class OpticsDetails:
    """The OPTICS ordering and what was cut from it. By point: arrays are indexed as the points are."""

    ordering: NDArray[np.int64]  # [U]: points in the order of first visits
    reachability: NDArray[np.float64]  # [U], by point; inf at a start
    core_distances: NDArray[np.float64]  # [U], by point; inf where there are not enough pixels within max_eps
    predecessor: NDArray[np.int64]  # [U], by point: the point it was reached from, -1 at a start
    plot: ReachabilityPlot
    hierarchy: NDArray[np.int64]
    """[C, 2]: first and last place in the pixels' plot of every cluster found, small ones before those around them."""
    criterion: str
    """How the labelled clusters were chosen among them, for a person."""
    heights: NDArray[np.float64]  # [k]: reachability up to which each labelled cluster stands alone

    def summary(self) -> dict[str, Any]:
        """What belongs into a result's `quality`: JSON values, a few numbers."""
        heights = [float(height) if np.isfinite(height) else None for height in self.heights[:256]]
        return {"criterion": self.criterion, "hierarchy": len(self.hierarchy), "heights": heights}


@dataclass(frozen=True)
class CondensedTree:
    """HDBSCAN's tree of clusters: C clusters, parents before children, the root first. Lambda is 1 / distance."""

    parent: NDArray[np.int64]  # [C]: the cluster that this one split from, -1 for the root
    birth: NDArray[np.float64]  # [C]: lambda of that split, 0 for the root
    pixels: NDArray[np.int64]  # [C]
    point_parent: NDArray[np.int64]  # [U]: the last cluster that the point's pixels were in
    point_lambda: NDArray[np.float64]  # [U]: lambda at which they left it, or fell apart
    stability: NDArray[np.float64]  # [C]: excess of mass; with `eom`, at least that of the clusters chosen below


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
    exemplars: tuple[NDArray[np.int64], ...]  # [k]: the points at the heart of each cluster
    resolution: float

    def summary(self) -> dict[str, Any]:
        """What belongs into a result's `quality`: JSON values, a few numbers."""
        persistence = [float(value) for value in self.persistence[:256]]
        return {"persistence": persistence, "hierarchy": len(self.condensed.parent), "resolution": self.resolution}


@dataclass(frozen=True)
class Clustering:
    """A label for every point, in the method's own numbering; the pipeline orders clusters by share."""

    labels: NDArray[np.int32]  # [U]; 0..k-1, or NOISE
    centers: NDArray[np.float64]  # [k, 3], in the space of the points
    details: "Details"


Details: TypeAlias = KMeansDetails | AgglomerativeDetails | ReferenceDetails | OpticsDetails | HdbscanDetails
