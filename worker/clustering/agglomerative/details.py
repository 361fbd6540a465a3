"""What agglomerative clustering says of its run: the dendrogram."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from shared.contract.params import AgglomerativeParams
from worker.clustering.comparison import Comparison, largest_difference
from worker.color.points import Points


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

    def of_clusters(self, _: NDArray[np.int64]) -> Self:
        """The same: nothing here is told cluster by cluster."""
        return self

    def compare(self, reference: "AgglomerativeDetails", points: Points, params: AgglomerativeParams) -> Comparison:
        """By the heights of all merges."""
        return Comparison("heights", largest_difference(self.heights, reference.heights))
