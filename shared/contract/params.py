"""The algorithms' parameters: the only source of their names, bounds, defaults and documentation.

One frozen model for each algorithm, told apart by `algorithm`. Names and meanings are scikit-learn's and hdbscan's.
The OpenAPI page, `GET /v1/algorithms`, the error messages and the command line are all made from what stands here.
"""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Annotated, Any, Literal, TypeAlias, cast

import orjson
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from shared.contract.errors import LONG, FieldError, InvalidParams, TooManyPixels
from shared.contract.selection import MOST_EXCLUDED, Alpha, ExcludedColor, Region, says

Engine = Literal["exact", "reference"]
ColorSpace = Literal["rgb", "lab", "oklab"]

Channel = Annotated[float, Field(ge=0, le=255)]
Color = Annotated[list[Channel], Field(min_length=3, max_length=3)]
# Pixels from 1 up, or a share of the clustered pixels below 1. Strict, so that true and "5" are not numbers.
PixelCount = Annotated[int, Field(strict=True, ge=1)]
PixelShare = Annotated[float, Field(strict=True, gt=0, lt=1)]


CountOrShare = Annotated[
    PixelCount | PixelShare,
    says("should be a whole number of pixels from 1 up, or a share of them above 0 and below 1"),
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


class CommonParams(BaseModel):
    """Parameters of every algorithm."""

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
    timeout: PositiveNumber | None = Field(
        None,
        description="Seconds of running after which the job fails; the service's own limit holds where it is lower.",
    )


class KMeansParams(CommonParams):
    """KMeans: `n_clusters` centres that minimise the squared distance of every pixel to its centre."""

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
        says("should be 'k-means++' or a list of colours [r, g, b] with numbers from 0 to 255"),
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


class HdbscanParams(CommonParams):
    """HDBSCAN: clusters of any shape by density, over all scales; what is sparse is noise."""

    algorithm: Literal["hdbscan"] = "hdbscan"
    min_cluster_size: CountOrShare = Field(
        0.01, description="Smallest cluster: pixels, or a share of the clustered pixels when below 1."
    )
    min_samples: CountOrShare = Field(
        0.003, description="Neighbouring pixels that make a colour dense: pixels, or a share when below 1."
    )
    cluster_selection_method: Literal["eom", "leaf"] = Field(
        "eom", description="`eom`: the most persistent clusters (excess of mass). `leaf`: the finest ones."
    )
    cluster_selection_epsilon: float = Field(
        0.0, ge=0, description="Clusters nearer than this distance are not split further."
    )
    allow_single_cluster: bool = Field(False, strict=True, description="Whether one cluster may be the answer.")
    resolution: float | None = Field(
        None,
        # Far finer and far coarser than any space; beyond, squares and densities would leave the range of numbers.
        ge=1e-9,
        le=1e6,
        description="Smaller distances count as this one, so that no colour is infinitely dense; null: one 8-bit step.",
    )


class OpticsParams(CommonParams):
    """OPTICS: an ordering of the pixels by reachability, and clusters cut from it."""

    algorithm: Literal["optics"] = "optics"
    min_samples: CountOrShare = Field(
        0.003, description="Neighbouring pixels that make a colour dense: pixels, or a share when below 1."
    )
    max_eps: PositiveNumber | None = Field(None, description="Largest distance looked at; null: no limit.")
    cluster_method: Literal["auto", "xi", "dbscan"] = Field(
        "auto",
        description="How clusters are cut from the plot: by huemill's criterion, by steepness, or at `eps`.",
    )
    xi: float = Field(0.05, gt=0, lt=1, description="Least steepness of a cluster's border (`xi`).")
    eps: PositiveNumber | None = Field(
        None, validate_default=True, description="Height of the cut (`dbscan`); null: `max_eps`."
    )
    min_cluster_size: CountOrShare | None = Field(
        None,
        description="Smallest cluster: pixels or a share; null: `min_samples` for `xi`, 0.01 for `auto`.",
    )
    predecessor_correction: bool = Field(True, strict=True, description="Correct clusters by predecessors (`xi`).")

    @field_validator("eps")
    @classmethod
    def _check_cut(cls, eps: float | None, info: ValidationInfo) -> float | None:
        max_eps = info.data.get("max_eps")
        if info.data.get("cluster_method") == "dbscan" and eps is None and max_eps is None:
            raise ValueError("is the height of the cut, which dbscan needs: give eps or max_eps")
        if eps is not None and max_eps is not None and eps > max_eps:
            raise ValueError(f"should be at most max_eps, which is {max_eps:g}")
        return eps


class AgglomerativeParams(CommonParams):
    """Agglomerative clustering: the two nearest clusters are merged, again and again."""

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


AnyParams: TypeAlias = KMeansParams | HdbscanParams | OpticsParams | AgglomerativeParams
Params = Annotated[AnyParams, Field(discriminator="algorithm")]
MODELS: dict[str, type[AnyParams]] = {
    "kmeans": KMeansParams,
    "hdbscan": HdbscanParams,
    "optics": OpticsParams,
    "agglomerative": AgglomerativeParams,
}
DEFAULT_ALGORITHM = "kmeans"
MOST_ERRORS = 20  # told at once: a thousand wrong names are not worth a book


# What the reference engine takes: each keeps a run within about a minute and two gigabytes, on two cores.
REFERENCE_MAX_PIXELS = {
    "kmeans": 20_000_000,  # memory: a pixel is 24 bytes, and there are a few copies
    "hdbscan": 300_000,  # time: some 10 s, and more than linear
    "optics": 60_000,  # time: quadratic, 40 s for 50,000
    "agglomerative": 20_000,  # memory: quadratic, 1.6 GB of distances
}


def check_reference_size(pixels: int, params: AnyParams, units: int = 1) -> None:
    """Raises TooManyPixels if that is more than the reference engine takes for the algorithm.

    Where alpha is a weight, `pixels` are `units` of a pixel: each is a point of its own for the reference engine.
    """
    most = REFERENCE_MAX_PIXELS[params.algorithm]
    if params.engine == "reference" and pixels > most:
        weighted = f" (a pixel counts up to {units} times, by its alpha)" if units > 1 else ""
        raise TooManyPixels(
            f"The reference engine takes at most {most:,} pixels for {params.algorithm}; "
            f"here are {pixels:,}{weighted}. Use the exact engine, or a smaller image."
        )


def check_region(params: AnyParams, width: int, height: int) -> None:
    """Raises InvalidParams if the region has no pixel of an upright image of that size."""
    if params.region is not None and params.region.is_outside(width, height):
        message = f"has no pixel of the image, which is {width} x {height} pixels"
        raise InvalidParams([FieldError(field="region", value=params.region.model_dump(), message=message)])


def check_mask_size(mask: tuple[int, int], image: tuple[int, int]) -> None:
    """Raises InvalidParams if the mask's width and height are not the image's, both upright."""
    if mask != image:
        message = f"should have the image's size as it is seen upright, {image[0]} x {image[1]} pixels"
        raise InvalidParams([FieldError(field="mask", value=f"{mask[0]} x {mask[1]}", message=message)])


def parse_params(data: Mapping[str, Any]) -> AnyParams:
    """The parameters of a request's flat JSON object. Raises InvalidParams, with an entry for each wrong field."""
    try:
        text = orjson.dumps(data)
    except TypeError as error:
        message = f"should be a flat JSON object ({error})"
        raise InvalidParams([FieldError(field="params", value=LONG, message=message)]) from None
    algorithm = data.get("algorithm", DEFAULT_ALGORITHM)
    if not isinstance(algorithm, str) or algorithm not in MODELS:
        message = f"is no algorithm; choose one of {', '.join(MODELS)}"
        raise InvalidParams([FieldError(field="algorithm", value=algorithm, message=message)])
    model = MODELS[algorithm]
    try:
        # As JSON and strict: true is no number, "5" is no integer, a list can still become a tuple.
        return model.model_validate_json(text, strict=True)
    except ValidationError as error:
        raise InvalidParams(_field_errors(error, algorithm)) from None


def json_schema(model: type[BaseModel]) -> dict[str, Any]:
    """A model's JSON Schema in one piece: definitions stand where they are used, so that it can be put anywhere."""
    schema = model.model_json_schema()
    definitions = schema.pop("$defs", {})

    def inlined(part: Any) -> Any:
        if isinstance(part, list):
            return [inlined(entry) for entry in part]
        if not isinstance(part, dict):
            return part
        if "$ref" in part:
            return inlined(definitions[part["$ref"].rpartition("/")[2]])
        return {name: inlined(entry) for name, entry in part.items()}

    return cast(dict[str, Any], inlined(schema))


def _field_errors(error: ValidationError, algorithm: str) -> list[FieldError]:
    """Pydantic's errors, one for each field, each saying what is allowed."""
    schema = json_schema(MODELS[algorithm])
    found: dict[str, FieldError] = {}
    for item in error.errors(include_url=False):
        place = item["loc"]
        if len(place) > 1 and item["type"] in ("extra_forbidden", "missing"):
            place = place[:-1]  # the part that has a name too many or too few is what is wrong
        name = _path(place)
        if item["type"] == "extra_forbidden" and len(place) == 1 == len(item["loc"]):
            message = _unknown(name, algorithm)
        elif item["type"] == "value_error":
            message = item["msg"].removeprefix("Value error, ")
        else:
            message = f"should be {_allowed(_schema_at(schema, place))}"
            if item["type"] == "extra_forbidden":
                message += f"; there is no member {item['loc'][-1]!r}"
        found.setdefault(name, FieldError(field=name, value=item["input"], message=message))
    return list(found.values())[:MOST_ERRORS]


def _path(place: Sequence[int | str]) -> str:
    """A place in the parameters as a person writes it: `exclude[1].color`."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in place)
    return text.removeprefix(".") or "params"


def _schema_at(schema: Mapping[str, Any], place: Sequence[int | str]) -> Mapping[str, Any]:
    """The part of a JSON Schema that describes what stands at `place`."""
    for step in place:
        branches = [schema, *schema.get("anyOf", [])]
        if isinstance(step, int):
            schema = next(branch["items"] for branch in branches if "items" in branch)
        else:
            schema = next(branch["properties"][step] for branch in branches if "properties" in branch)
    return schema


def _allowed(schema: Mapping[str, Any]) -> str:
    """A field's JSON Schema in words: «an integer from 1 to 256»."""
    if "anyOf" in schema:
        branches = [branch for branch in schema["anyOf"] if branch.get("type") != "null"]
        words = " or ".join(_allowed(branch) for branch in branches)
        return words if len(branches) == len(schema["anyOf"]) else f"{words}, or null"
    if "enum" in schema or "const" in schema:
        return " or ".join(repr(value) for value in schema.get("enum", [schema.get("const")]))
    kind = str(schema.get("type"))
    if kind == "array":
        least, most = schema.get("minItems", 0), schema.get("maxItems")
        size = f"{most} entries" if least == most else f"{least} to {most} entries"
        return f"a list of {size}, each {_allowed(schema['items'])}"
    if "examples" in schema:
        what = {"object": "an object", "string": "text"}[kind]
        return f"{what} such as {' or '.join(orjson.dumps(example).decode() for example in schema['examples'])}"
    words = {"integer": "an integer", "number": "a number", "boolean": "true or false"}.get(kind, kind)
    bounds = {"minimum": "from", "exclusiveMinimum": "above", "maximum": "to", "exclusiveMaximum": "and below"}
    return " ".join([words, *(f"{bounds[key]} {schema[key]}" for key in bounds if key in schema)])


def _unknown(name: str, algorithm: str) -> str:
    owners = [other for other, model in MODELS.items() if name in model.model_fields]
    if owners:
        return f"is a parameter of {' and '.join(owners)}, not of {algorithm}"
    known = list(MODELS[algorithm].model_fields)
    close = get_close_matches(name, known, 1)
    hint = f"did you mean {close[0]}?" if close else f"{algorithm} takes {', '.join(known)}"
    return f"is no parameter; {hint}"
