"""What a finished job answers. The label map is kept beside it and joined in by the gateway."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from shared.contract.params import Params

NOISE_LABEL = -1
EXCLUDED_LABEL = -2

# The files of a result, in the blob store under `Job.result_key`.
RESULT_FILE = "result.json"
LABELS_NPY = "labels.npy"
LABELS_PNG = "labels.png"

INLINE_LABELS_PIXELS = 262_144


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


StepName = Literal[
    "took_first_frame",
    "reduced_to_8_bits",
    "converted_profile",
    "ignored_profile",
    "converted_gamma",
    "expanded_range",
    "oriented",
    "tolerated_damage",
    "ignored_channels",
]


class Step(Frozen):
    """Something that was done to an image's pixels before they were counted, or left undone."""

    step: StepName = Field(description="A stable word for programs.")
    detail: str = Field(description="A sentence for people.")


class FoundImage(Frozen):
    """What an image file held, and what was done with it: an ordinary sRGB image has no steps."""

    format: str
    mode: str = Field(description="bitmap, grey, grey+alpha, palette, palette+alpha, RGB, RGBA, CMYK.")
    bits: int = Field(description="Bits of a sample in the file.")
    frames: int = Field(1, description="Frames or pages; the first was taken.")
    orientation: int = Field(1, description="As EXIF numbers it, 1 to 8; 1 is upright. It was applied.")
    profile: str | None = Field(None, description="The embedded colour profile's own description.")
    steps: list[Step] = Field([], description="What was done, in order.")


class ImageInfo(FoundImage):
    """The image as it was read."""

    width: int = Field(description="Of the upright image, in pixels.")
    height: int = Field(description="Of the upright image, in pixels.")
    scaled_from: tuple[int, int] | None = Field(
        None, description="Width and height before `max_pixels` scaled it down; null where every pixel counts."
    )
    pixels: int
    clustered_pixels: int
    excluded_pixels: int = Field(
        description="Pixels left out for their transparency, or by `region`, `mask` and `exclude`; in no share."
    )
    unique_colors: int
    sha256: str


class LabelMap(Frozen):
    """A label for every pixel, row by row."""

    shape: tuple[int, int] = Field(description="Rows, columns.")
    noise_label: int = NOISE_LABEL
    excluded_label: int = EXCLUDED_LABEL
    dtype: str = Field(description="int16, or int32 where there are more than 32,767 clusters.")
    data: list[int] | None = Field(None, description="Row-major; null when the map is only at `href`.")
    href: str | None = Field(None, description="Where the map is; set by the gateway.")


class PaletteEntry(Frozen):
    """One cluster as a person would want it."""

    label: int
    hex: str
    rgb: tuple[int, int, int]
    pixels: int = Field(description="Pixels of the label map that have this label.")
    proportion: float = Field(
        description="Share of the clustered pixels; with `alpha=weight` each counts by its alpha for it."
    )


class Noise(Frozen):
    """The pixels that belong to no cluster."""

    pixels: int
    proportion: float


class Artifact(Frozen):
    """A file of the result."""

    name: str
    media_type: str
    description: str = Field("", description="What it is, a sentence.")
    href: str | None = Field(None, description="Where it is; set by the gateway.")
    bytes: int


class ClusterResult(Frozen):
    """Centroids, shares and labels of an image's clusters, ordered by falling share, ties by colour."""

    algorithm: str
    params: Params
    digest: str = Field(description="sha256 of the image's hash, the parameters and the engine's version.")
    image: ImageInfo
    centroids: list[tuple[float, float, float]] = Field(description="sRGB, 0..255, whatever the colour space.")
    proportions: list[float] = Field(description="Shares of the clustered pixels; with the noise they add up to 1.")
    labels: LabelMap
    palette: list[PaletteEntry]
    noise: Noise
    quality: dict[str, Any] = Field(description="What the method says of itself, such as KMeans' inertia.")
    artifacts: list[Artifact]
    timings_ms: dict[str, float]
    software: dict[str, str]
