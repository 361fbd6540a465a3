"""What a finished job answers. The label map is kept beside it and joined in by the gateway."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from shared.contract.params import Params
from shared.contract.params.number import Criterion

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


class ColorName(Frozen):
    """The nearest name of a list."""

    name: str
    list: Literal["css", "xkcd"]
    delta_e: float = Field(description="CIEDE2000 from the colour to the name's own colour.")


class Contrast(Frozen):
    """WCAG 2.2's contrast ratios, 1 to 21."""

    white: float
    black: float


class PaletteEntry(Frozen):
    """One cluster as a person would want it."""

    label: int
    hex: str
    rgb: tuple[int, int, int]
    pixels: int = Field(description="Pixels of the label map that have this label.")
    proportion: float = Field(
        description="Share of the clustered pixels; with `alpha=weight` each counts by its alpha for it."
    )
    hsl: tuple[float, float, float] = Field(description="Hue 0..360, saturation and lightness 0..1, of `rgb`.")
    lab: tuple[float, float, float] = Field(description="CIELAB under D65, of `rgb`.")
    oklch: tuple[float, float, float] = Field(description="L 0..1, C, h 0..360, of `rgb`; h is 0 for greys.")
    name: ColorName
    medoid: str | None = Field(
        description="The cluster's colour of the image that is nearest to its centre, hex; null where it has no pixel."
    )
    mode: str | None = Field(description="The cluster's most frequent colour, hex; null where it has no pixel.")
    spread: float | None = Field(description="Root mean square Delta E 2000 of its pixels to `rgb`.")
    position: tuple[float, float] | None = Field(
        description="Mean place [x, y] of its pixels, as fractions of the upright image."
    )
    contrast: Contrast
    text: Literal["#000000", "#ffffff"] = Field(description="What is legible on it: whichever contrasts more.")
    accent: float = Field(description="0..1: how much it stands out among the others; the order counts.")


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


class Differences(Frozen):
    """CIEDE2000 differences of the pixels in clusters to their cluster's colour."""

    mean: float
    p95: float
    max: float


class SilhouetteValue(Frozen):
    """The mean silhouette over the pixels in clusters, Euclidean, in the space of the clustering."""

    value: float | None = Field(description="-1..1; null where there are fewer than two clusters.")
    exact: bool = Field(description="Whether every pixel was measured, or a sample of them.")
    sample: int = Field(description="Pixels that were measured, each against all others.")
    error: float = Field(description="With a sample, the true value is within this in 95 of 100 cases.")


class Quality(BaseModel):
    """How good the result is, of the pixels in clusters; beside this, what the method says of itself."""

    model_config = ConfigDict(frozen=True, extra="allow")

    mse: float | None = Field(description="Of the picture painted with `palette`: per pixel, summed over r, g, b.")
    psnr: float | None = Field(description="Of the same, dB: peak 255, from the mean over pixels and channels.")
    delta_e: Differences | None
    explained: float | None = Field(description="Share of the pixels within Delta E 2000 of 5 of their colour.")
    silhouette: SilhouetteValue


class Candidate(Frozen):
    """One number of clusters that was tried, and its measures over the pixels, as scikit-learn's; null: undefined."""

    n_clusters: int
    inertia: float
    silhouette: float | None
    calinski_harabasz: float | None
    davies_bouldin: float | None
    bic: float | None


class Selection(Frozen):
    """How the number of clusters was chosen."""

    criterion: Criterion
    chosen: int
    reason: str = Field(description="A sentence for people.")
    curve: list[Candidate] = Field(description="The numbers that were tried, ascending.")


class Note(Frozen):
    """Something that a person should know of the result."""

    note: str = Field(description="A stable word for programs.")
    detail: str = Field(description="A sentence for people.")


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
    palette_contrast: list[list[float]] | None = Field(
        None, description="WCAG 2.2's contrast ratio of each pair of colours; null for more than 32 clusters."
    )
    quality: Quality
    selection: Selection | None = Field(None, description="Where the number of clusters was chosen: how.")
    notes: list[Note] = Field(
        [], description="What a person should know, such as that there were fewer colours than asked for."
    )
    artifacts: list[Artifact]
    timings_ms: dict[str, float]
    software: dict[str, str]
