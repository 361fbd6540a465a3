"""Agglomerative clustering's parameters."""

from typing import Any, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from shared.contract.params.common import MOST_CLUSTERS, CommonParams, Method


class AgglomerativeParams(CommonParams):
    """Agglomerative clustering: the two nearest clusters are merged, again and again."""

    method = Method(
        queue="slow",
        timeout_seconds=300,
        reference_max_pixels=20_000,  # memory: quadratic, 1.6 GB of distances
    )

    algorithm: Literal["agglomerative"] = "agglomerative"
    n_clusters: int | None = Field(
        None,
        strict=True,
        ge=1,
        le=MOST_CLUSTERS,
        description="Number of clusters; 5 unless `distance_threshold` is given.",
    )
    distance_threshold: float | None = Field(
        None, ge=0, description="Merge no clusters at this height or above; instead of `n_clusters`."
    )
    linkage: Literal["ward", "single", "complete", "average"] = Field(
        "ward", description="What the distance of two clusters is."
    )

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
