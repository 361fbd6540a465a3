"""KMeans' parameters."""

from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from shared.contract.params.common import Color, CommonParams, Method
from shared.contract.selection import error_message


class KMeansParams(CommonParams):
    """KMeans: `n_clusters` centres that minimise the squared distance of every pixel to its centre."""

    method = Method(
        queue="fast",
        timeout_seconds=120,
        reference_max_pixels=20_000_000,  # memory: a pixel is 24 bytes, and there are a few copies
    )

    algorithm: Literal["kmeans"] = Field("kmeans", description="The method.")
    n_clusters: int = Field(5, strict=True, ge=1, le=256, description="Number of clusters.")
    n_init: int = Field(
        4, strict=True, ge=1, le=100, description="Starts with other seeds; the one of lowest inertia wins."
    )
    max_iter: int = Field(300, strict=True, ge=1, le=10_000, description="Most iterations of one start.")
    tol: float = Field(
        1e-4,
        ge=0,
        description="Stop when the centres' squared movement is at most `tol` times the mean variance of the axes.",
    )
    init: Annotated[
        Literal["k-means++"] | list[Color],
        error_message("should be 'k-means++' or a list of colours [r, g, b] with numbers from 0 to 255"),
    ] = Field(
        "k-means++",
        description="`k-means++`, or the first centres: `n_clusters` sRGB colours (0..255), for one start.",
    )

    @model_validator(mode="before")
    @classmethod
    def _count_the_given_centres(cls, data: Any) -> Any:
        if isinstance(data, dict) and isinstance(data.get("init"), list) and "n_clusters" not in data:
            return {**data, "n_clusters": len(data["init"])}
        return data

    @field_validator("init")
    @classmethod
    def _check_init(cls, init: Any, info: ValidationInfo) -> Any:
        expected = info.data.get("n_clusters")
        if isinstance(init, list) and expected is not None and len(init) != expected:
            raise ValueError(f"has {len(init)} colours, but n_clusters is {expected}")
        return init
