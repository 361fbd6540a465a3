"""What OPTICS says of its run: the reachability plot, and what was cut from it."""

import math
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from shared.contract.params import OpticsParams
from worker.clustering.comparison import Comparison, largest_difference
from worker.color.points import Points

# The copies of a colour come in one run here; on pixels they may mix with others exactly as near, which moves a
# cluster's border by a few of them.
_LEAST_EQUAL = 0.95


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

    def of_clusters(self, clusters: NDArray[np.int64]) -> Self:
        """The same with `heights` in that order."""
        return replace(self, heights=self.heights[clusters])

    def compare(self, reference: "OpticsDetails", points: Points, params: OpticsParams) -> Comparison:
        """By order and reachability of all first visits; the difference is infinite where the orders differ."""
        difference = largest_difference(self.reachability, reference.reachability)
        if (self.ordering != reference.ordering).any():
            difference = math.inf
        return Comparison("reachability", difference, least_equal=_LEAST_EQUAL)
