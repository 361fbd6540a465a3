"""What a request can say about the files that it wants beside the labels."""

from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

OutputName = Literal["recolored", "side_by_side", "card", "masks", "points", "scatter", "plot", "sweep"]
OUTPUT_NAMES: tuple[str, ...] = get_args(OutputName)
MOST_MASKS = 64
"""Clusters of which there can be masks: each is a file."""


def _split(value: Any) -> Any:
    """`recolored,card`, as a query string or a command line has it, as a list; each name once."""
    if isinstance(value, str):
        value = [name.strip() for name in value.split(",") if name.strip()]
    return list(dict.fromkeys(value)) if isinstance(value, list) and all(isinstance(v, str) for v in value) else value


Outputs = Annotated[list[OutputName], Field(max_length=len(OUTPUT_NAMES)), BeforeValidator(_split)]


class Recolor(BaseModel):
    """How the recoloured picture is made."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", json_schema_extra={"examples": [{"format": "webp", "noise": "nearest"}]}
    )

    format: Literal["png", "webp", "avif"] = Field(
        "png", description="`png` and `webp` are exact; `avif` is smaller, and nearly so."
    )
    noise: Literal["keep", "grey", "nearest"] = Field(
        "keep", description="Pixels without a cluster: as they are, grey, or in the nearest cluster's colour."
    )
    dither: bool = Field(
        False,
        strict=True,
        description="Mix the palette's colours by error diffusion (Floyd-Steinberg), so that gradients stay smooth.",
    )
