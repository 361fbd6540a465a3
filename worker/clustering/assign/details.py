"""What giving colours to a palette says of itself."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class AssignDetails:
    """How colours were given to the entries of a palette."""

    metric: str
    empty: int
    """How many entries have no pixel."""

    def summary(self) -> dict[str, Any]:
        """What belongs into a result's `quality`: JSON values, a few numbers."""
        return {"metric": self.metric, "empty": self.empty}

    def of_clusters(self, _: NDArray[np.int64]) -> Self:
        """The same: nothing here is told cluster by cluster."""
        return self
