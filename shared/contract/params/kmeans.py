"""KMeans' parameters."""

from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from shared.contract.params.common import MOST_COLORS, AnyColor, Color, CommonParams, Method
from shared.contract.params.number import RANGE_WORDS, AutoOrRange, Criterion, check_criterion, range_of
from shared.contract.selection import error_message


class KMeansParams(CommonParams):
    """KMeans: `n_clusters` centres that minimise the squared distance of every pixel to its centre."""

    method = Method(
        queue="fast",
        timeout_seconds=120,
        reference_max_pixels=20_000_000,  # memory: a pixel is 24 bytes, and there are a few copies
    )

    algorithm: Literal["kmeans"] = Field("kmeans", description="The method.")
    n_clusters: Annotated[
        Annotated[int, Field(strict=True, ge=1, le=MOST_COLORS)] | AutoOrRange,
        error_message(f"should be an integer from 1 to {MOST_COLORS}, {RANGE_WORDS}"),
    ] = Field(
        5, description="Number of clusters; `auto` (2 to 15) or a range: the number that suits the image best in it."
    )
    criterion: Criterion | None = Field(
        None,
        description="What the best number is told by, where there is a choice; null: `davies_bouldin` where its "
        "clusters carry nine tenths of the variance, else `elbow`.",
    )
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
        Literal["k-means++"] | Annotated[list[Color], Field(max_length=MOST_COLORS)],
        error_message(
            f"should be 'k-means++' or a list of at most {MOST_COLORS} colours [r, g, b] with numbers from 0 to 255"
        ),
    ] = Field(
        "k-means++",
        description="`k-means++`, or the first centres: `n_clusters` sRGB colours (0..255), for one start.",
    )

    fixed: Annotated[list[AnyColor], Field(max_length=MOST_COLORS)] = Field(
        [], description="Colours that are centres and do not move, sRGB; the other centres are found."
    )

    @field_validator("criterion")
    @classmethod
    def _check_criterion(cls, criterion: Criterion | None, info: ValidationInfo) -> Criterion | None:
        return check_criterion(criterion, info)

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
        if isinstance(init, list) and range_of(expected) is not None:
            raise ValueError("cannot be given where the number of clusters is chosen")
        if isinstance(init, list) and expected is not None and len(init) != expected:
            raise ValueError(f"has {_colors(init)}, but n_clusters is {expected}")
        return init

    @field_validator("fixed")
    @classmethod
    def _check_fixed(cls, fixed: list[Any], info: ValidationInfo) -> list[Any]:
        if not fixed:
            return fixed
        if isinstance(info.data.get("init"), list):
            raise ValueError("cannot be given together with init: leave one of them out")
        number = info.data.get("n_clusters")
        span = range_of(number)
        if number is not None and len(fixed) > (span.min if span else number):
            least = f"of n_clusters the least is {span.min}" if span else f"n_clusters is {number}"
            raise ValueError(f"has {_colors(fixed)}, but {least}")
        return fixed


def _colors(given: list[Any]) -> str:
    return "1 colour" if len(given) == 1 else f"{len(given)} colours"
