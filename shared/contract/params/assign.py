"""The parameters of assigning pixels to given colours."""

from typing import Annotated, Literal

from pydantic import Field

from shared.contract.params.common import MOST_COLORS, AnyColor, CommonParams, Method


class AssignParams(CommonParams):
    """Assignment: every pixel to the nearest of given colours, such as a brand's. Label i is the palette's entry i."""

    method = Method(
        queue="fast",
        timeout_seconds=120,
        reference_max_pixels=0,  # no package does this
    )

    algorithm: Literal["assign"] = "assign"
    engine: Literal["exact"] = Field("exact", description="There is no other engine for this method.")
    palette: Annotated[list[AnyColor], Field(min_length=1, max_length=MOST_COLORS)] = Field(
        description="The colours, sRGB, in the order of the labels."
    )
    metric: Literal["ciede2000", "euclidean"] = Field(
        "ciede2000", description="What nearest is told by: CIEDE2000, or the distance in `color_space`."
    )
