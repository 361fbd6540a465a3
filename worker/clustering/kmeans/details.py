"""What KMeans says of its run."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


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
