"""What giving colours to a palette says of itself."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class AssignDetails:
    """How colours were given to the entries of a palette."""

    metric: str
    empty: int
    """How many entries have no pixel."""

    def summary(self) -> dict[str, Any]:
        """What belongs into a result's `quality`: JSON values, a few numbers."""
        return {"metric": self.metric, "empty": self.empty}
