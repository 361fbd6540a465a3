"""Agglomerative clustering's parameters."""

from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from shared.contract.params.common import MOST_CLUSTERS, CommonParams, Method
from shared.contract.params.number import RANGE_WORDS, AutoOrRange, Criterion, check_criterion
from shared.contract.selection import error_message

# Complete and average linkage compare every colour with every other: 100 s of one core for so many.
MOST_COMPARED_COLORS = 1 << 19


class AgglomerativeParams(CommonParams):
    """Agglomerative clustering: the two nearest clusters are merged, again and again."""

    method = Method(
        queue="slow",
        timeout_seconds=300,
        reference_max_pixels=20_000,  # memory: quadratic, 1.6 GB of distances
    )

    algorithm: Literal["agglomerative"] = "agglomerative"
    n_clusters: (
        Annotated[
            Annotated[int, Field(strict=True, ge=1, le=MOST_CLUSTERS)] | AutoOrRange,
            error_message(f"should be an integer from 1 to {MOST_CLUSTERS}, {RANGE_WORDS}"),
        ]
        | None
    ) = Field(
        None,
        description="Number of clusters; 5 unless `distance_threshold` is given. `auto` (2 to 15) or a range: the "
        "number that suits the image best in it.",
    )
    criterion: Criterion | None = Field(
        None,
        description="What the best number is told by, where there is a choice; null: `davies_bouldin` where its "
        "clusters carry nine tenths of the variance, else `elbow`.",
    )
    distance_threshold: float | None = Field(
        None, ge=0, description="Merge no clusters at this height or above; instead of `n_clusters`."
    )
    linkage: Literal["ward", "single", "complete", "average"] = Field(
        "ward",
        description="What the distance of two clusters is. `complete` and `average` compare all colours: "
        f"{MOST_COMPARED_COLORS:,} at most.",
    )

    @field_validator("criterion")
    @classmethod
    def _check_criterion(cls, criterion: Criterion | None, info: ValidationInfo) -> Criterion | None:
        return check_criterion(criterion, info)

    @model_validator(mode="before")
    @classmethod
    def _default_to_five(cls, data: Any) -> Any:
        if isinstance(data, dict) and data.get("n_clusters") is None and data.get("distance_threshold") is None:
            return {**data, "n_clusters": 5}
        return data

    @field_validator("distance_threshold")
    @classmethod
    def _check_one_criterion(cls, threshold: float | None, info: ValidationInfo) -> float | None:
        if threshold is not None and info.data.get("n_clusters") is not None:
            raise ValueError("cannot be given together with n_clusters: leave one of them out")
        return threshold
