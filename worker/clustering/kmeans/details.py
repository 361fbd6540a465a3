"""What KMeans says of its run."""

import math
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from shared.contract.params import KMeansParams
from worker.clustering.comparison import Comparison, relative
from worker.color.points import Points

# What the inertia may be above the reference engine's where both begin at random.
_MOST_EXCESS = 0.01
# An inertia that is nothing but rounding is 0: this share of the largest coordinate for each pixel, squared.
_ROUNDING = 1e-12


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

    def of_clusters(self, _: NDArray[np.int64]) -> Self:
        """The same: nothing here is told cluster by cluster."""
        return self

    def compare(self, reference: "KMeansDetails", points: Points, params: KMeansParams) -> Comparison:
        """By the inertia. From k-means++ each engine ends in a local minimum of its own: ours is to be no worse."""
        rounding = points.pixels / points.units * (_ROUNDING * float(np.abs(points.coords).max())) ** 2
        near = abs(self.inertia - reference.inertia) <= rounding
        difference = 0.0 if near else relative(self.inertia, reference.inertia)
        if isinstance(params.init, str):
            return Comparison("inertia", difference, False, (-math.inf, _MOST_EXCESS), least_equal=0.0)
        return Comparison("inertia", difference, several=False)
