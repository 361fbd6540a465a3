"""How many clusters: a number, or a range from which the best one is chosen."""

from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

Criterion = Literal["silhouette", "calinski_harabasz", "davies_bouldin", "bic", "elbow"]
LEAST_IN_RANGE, MOST_IN_RANGE = 2, 64
RANGE_WORDS = (
    f'\'auto\', or a range such as {{"min": 2, "max": 15}} within {LEAST_IN_RANGE} to {MOST_IN_RANGE}, '
    "its lower end first"
)

_End = Annotated[int, Field(strict=True, ge=LEAST_IN_RANGE, le=MOST_IN_RANGE)]


class ClusterRange(BaseModel):
    """Both ends belong to it."""

    model_config = ConfigDict(frozen=True, extra="forbid", json_schema_extra={"examples": [{"min": 2, "max": 15}]})

    min: _End = Field(description="The least number of clusters that is tried.")
    max: _End = Field(description="The greatest one.")

    @field_validator("max")
    @classmethod
    def _check_order(cls, most: int, info: ValidationInfo) -> int:
        if most < info.data.get("min", most):
            raise ValueError("is below the range's other end")
        return most


AUTO = ClusterRange(min=2, max=15)
AutoOrRange: TypeAlias = Literal["auto"] | ClusterRange


def range_of(n_clusters: object) -> ClusterRange | None:
    """The range that a parameter `n_clusters` asks for; None where it is a number, or not given."""
    if n_clusters == "auto":
        return AUTO
    return n_clusters if isinstance(n_clusters, ClusterRange) else None


def check_criterion(criterion: Criterion | None, info: ValidationInfo) -> Criterion | None:
    """Refuse a criterion where nothing is to be chosen."""
    if criterion is not None and "n_clusters" in info.data and range_of(info.data["n_clusters"]) is None:
        raise ValueError(
            "is how the number of clusters is chosen: leave it out, or give n_clusters as 'auto' or a range"
        )
    return criterion


def number_of(n_clusters: object) -> int:
    """A parameter `n_clusters` that is a number by now: what is chosen is chosen before a method runs."""
    assert isinstance(n_clusters, int), n_clusters
    return n_clusters
