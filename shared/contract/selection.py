"""What a request can say about which pixels count: how transparency is read, a region, colours to leave out."""

import math
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    field_validator,
    model_validator,
)

from shared.contract.hex_color import HEX

MOST_VERTICES = 1000
MOST_EXCLUDED = 16


def error_message(message: str) -> WrapValidator:
    """One sentence for whatever is wrong with a value, instead of one for each of its possible forms."""

    def validate(value: Any, inner: ValidatorFunctionWrapHandler) -> Any:
        try:
            return inner(value)
        except ValidationError:
            raise ValueError(message) from None

    return WrapValidator(validate)


BLEND = "blend:"
Alpha = Annotated[
    str,
    Field(pattern=f"^(ignore|weight|opaque|{BLEND}{HEX})$"),
    error_message(
        "should be 'ignore', 'weight', 'opaque' or 'blend:#rrggbb' with a background, such as 'blend:#ffffff'"
    ),
]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class ExcludedColor(_Part):
    """A colour whose pixels are left out, with those that look like it."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"color": "#ffffff", "tolerance": 5}]})

    color: str = Field(pattern=f"^{HEX}$", examples=["#ffffff"], description="An sRGB colour, `#rrggbb`.")
    tolerance: float = Field(
        0.0,
        ge=0,
        le=100,
        description="Colours up to this CIEDE2000 difference are left out too: 1 is hardly seen, 5 is similar.",
    )


class Region(_Part):
    """A box or a polygon, in pixels or in fractions of the upright image's width and height.

    (0, 0) is the upper left corner of the image; the pixel in it has its centre at (0.5, 0.5). A pixel belongs to the
    region if its centre lies inside, for polygons by the even-odd rule. What reaches beyond the image is cut off.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"box": [0.25, 0, 0.75, 1], "unit": "fraction"},
                {"polygon": [[320, 10], [600, 400], [40, 400]]},
            ]
        }
    )

    unit: Literal["pixels", "fraction"] = Field("pixels", description="Of all coordinates.")
    box: Annotated[list[float], Field(min_length=4, max_length=4)] | None = Field(
        None, description="Left, top, right, bottom; in whole pixels, right and bottom are the first ones outside."
    )
    polygon: (
        Annotated[
            list[Annotated[list[float], Field(min_length=2, max_length=2)]],
            Field(min_length=3, max_length=MOST_VERTICES),
        ]
        | None
    ) = Field(None, description="Its corners [x, y] in order; the last one is joined to the first.")

    @field_validator("box")
    @classmethod
    def _check_box(cls, box: list[float] | None, info: ValidationInfo) -> list[float] | None:
        if box is not None:
            left, top, right, bottom = box
            if left >= right or top >= bottom:
                raise ValueError("should be [left, top, right, bottom] with left < right and top < bottom")
            _check_fractions(box, info)
        return box

    @field_validator("polygon")
    @classmethod
    def _check_polygon(cls, polygon: Any, info: ValidationInfo) -> Any:
        if polygon is not None:
            _check_fractions([number for corner in polygon for number in corner], info)
        return polygon

    @model_validator(mode="after")
    def _check_one_shape(self) -> "Region":
        if (self.box is None) == (self.polygon is None):
            raise ValueError("should have either a box or a polygon")
        return self

    def corners(self, width: int, height: int) -> list[tuple[float, float]]:
        """The polygon's corners, or the box's upper left and lower right ones, in pixels of an image of that size."""
        across, down = (width, height) if self.unit == "fraction" else (1, 1)
        if self.box is not None:
            left, top, right, bottom = self.box
            return [(left * across, top * down), (right * across, bottom * down)]
        return [(x * across, y * down) for x, y in self.polygon or ()]

    def bounds(self, width: int, height: int) -> tuple[int, int, int, int]:
        """The pixels whose centres lie in the box, or in the polygon's bounding box: left, top, right, bottom.

        Right and bottom are exclusive; all four lie within the image.
        """
        across, down = zip(*self.corners(width, height), strict=True)
        left, right = (_first_centre_from(at, width) for at in (min(across), max(across)))
        top, bottom = (_first_centre_from(at, height) for at in (min(down), max(down)))
        return left, top, right, bottom

    def is_outside(self, width: int, height: int) -> bool:
        """Whether no pixel of an image of that size can lie in it."""
        left, top, right, bottom = self.bounds(width, height)
        return left >= right or top >= bottom


def _first_centre_from(coordinate: float, size: int) -> int:
    """The first of `size` pixels whose centre is at `coordinate` or behind it; `size` if there is none."""
    return math.ceil(min(max(coordinate, 0.0), float(size)) - 0.5)


def _check_fractions(numbers: Any, info: ValidationInfo) -> None:
    if info.data.get("unit") == "fraction" and not all(0 <= number <= 1 for number in numbers):
        raise ValueError("should be of numbers from 0 to 1, as its unit is fraction")
