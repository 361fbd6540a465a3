"""What the parameters of all methods share: the common ones, and the types of values.

Names and meanings are scikit-learn's and hdbscan's.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from shared.contract.hex_color import HEX, rgb_of_hex
from shared.contract.outputs import Outputs, Recolor
from shared.contract.selection import MOST_EXCLUDED, Alpha, ExcludedColor, Region, error_message

Engine = Literal["exact", "reference"]
ColorSpace = Literal["rgb", "lab", "oklab"]

Channel = Annotated[float, Field(ge=0, le=255)]
Color = Annotated[list[Channel], Field(min_length=3, max_length=3)]
AnyColor = Annotated[
    Annotated[str, Field(pattern=f"^{HEX}$", examples=["#ff8800"])] | Color,
    error_message("should be a colour: '#rrggbb', or [r, g, b] with numbers from 0 to 255"),
]


def rgb_of_color(color: str | list[float]) -> list[float]:
    """An `AnyColor` as sRGB, 0..255."""
    return [float(channel) for channel in rgb_of_hex(color)] if isinstance(color, str) else color


MOST_COLORS = 256
"""In a list that a request gives, and of KMeans' clusters."""
# Pixels from 1 up, or a share of the clustered pixels below 1. Strict, so that true and "5" are not numbers.
PixelCount = Annotated[int, Field(strict=True, ge=1)]
PixelShare = Annotated[float, Field(strict=True, gt=0, lt=1)]
CountOrShare = Annotated[
    PixelCount | PixelShare,
    error_message("should be a whole number of pixels from 1 up, or a share of them above 0 and below 1"),
]
PositiveNumber = Annotated[float, Field(gt=0, allow_inf_nan=False)]

MOST_CLUSTERS = 65_536
"""What a result holds: each cluster has its entry in the palette, which the gateway reads whole."""


def resolve_count(value: float, pixels: int, least: int = 1, units: int = 1) -> int:
    """A `CountOrShare` as a number of pixels: shares are of `pixels`, rounded, and never below `least`.

    Where all else counts `units` of a pixel, so does the answer: see `Points.units`.
    """
    count = round(value * pixels) if value < 1 else int(value) * units
    return max(least, count)


@dataclass(frozen=True, kw_only=True)
class Method:
    """What the service must know of a method, whatever the parameters."""

    queue: Literal["fast", "slow"]
    """`fast`: it takes milliseconds; `slow`: it may take seconds. The two do not stand in each other's way."""
    timeout_seconds: float
    """How long a job may run, unless the operator sets HUEMILL_<ALGORITHM>_TIMEOUT_SECONDS."""
    reference_max_pixels: int
    """What the reference engine takes: a run stays within about a minute and two gigabytes, on two cores."""


class CommonParams(BaseModel):
    """Parameters of every algorithm. Each has a model of its own, which declares its `method` as well."""

    method: ClassVar[Method]

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    engine: Engine = Field(
        "exact",
        description="`exact`: huemill's own engine, on all colours with their counts. `reference`: scikit-learn or "
        "hdbscan on the pixels themselves, slow, within a limited number of pixels, to check the exact engine.",
    )
    color_space: ColorSpace = Field(
        "rgb", description="Space in which distances are measured: sRGB (0..255), CIELAB (D65) or Oklab."
    )
    standardize: bool = Field(
        False, strict=True, description="Scale each axis to unit variance over the pixels before clustering."
    )
    seed: int = Field(
        0,
        strict=True,
        ge=0,
        le=2**32 - 1,
        description="Seed of all random choices; equal seeds give equal bytes.",
    )
    alpha: Alpha = Field(
        "ignore",
        description="What transparency does. `ignore`: fully transparent pixels are left out, others count as they "
        "are. `weight`: a pixel counts by its alpha. `opaque`: only fully opaque pixels count. `blend:#rrggbb`: the "
        "image is laid on that background, as a browser shows it.",
    )
    region: Region | None = Field(
        None,
        description="Only pixels inside count: a box [left, top, right, bottom] or a polygon [[x, y], ...], in pixels "
        'or fractions of the upright image, such as {"box": [0.25, 0, 0.75, 1], "unit": "fraction"}; null: all.',
    )
    exclude: list[ExcludedColor] = Field(
        [],
        max_length=MOST_EXCLUDED,
        description="Colours to leave out, each with a tolerance in Delta E (CIEDE2000), such as "
        '[{"color": "#ffffff", "tolerance": 5}].',
    )
    max_pixels: int | None = Field(
        None,
        strict=True,
        ge=1,
        description="A larger image is scaled down to at most so many pixels, by area averaging in linear light; "
        "null: every pixel counts.",
    )
    outputs: Outputs = Field(
        [],
        description="Files beside the labels: `recolored`, `side_by_side`, `card`, `masks` (up to 64 clusters), "
        "`points`, `scatter`, `plot` and `sweep` (where the number of clusters is chosen); in a query "
        "comma-separated or repeated.",
    )
    recolor: Recolor = Field(
        Recolor(),
        description='How recoloured pictures are made, such as {"format": "webp", "noise": "nearest", "dither": true}.',
    )
    names: Literal["css", "xkcd"] = Field(
        "css", description="The list that colours' names come from: CSS's, or those of the xkcd survey."
    )
    timeout: PositiveNumber | None = Field(
        None,
        description="Seconds of running after which the job fails; the service's own limit holds where it is lower.",
    )
