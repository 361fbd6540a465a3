"""What the parameters ask for, held against the image: told from its header, before it is decoded."""

from shared.contract.errors import FieldError, InvalidParams, TooManyPixels
from shared.contract.outputs import MOST_MASKS
from shared.contract.params.number import range_of
from shared.contract.params.registry import AnyParams


def check_reference_size(pixels: int, params: AnyParams, units: int = 1) -> None:
    """Raises TooManyPixels if that is more than the reference engine takes for the algorithm.

    Where alpha is a weight, `pixels` are `units` of a pixel: each is a point of its own for the reference engine.
    """
    most = params.method.reference_max_pixels
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


def check_combinations(params: AnyParams) -> None:
    """Raises InvalidParams for values that are right by themselves, and do not go together."""
    number = getattr(params, "n_clusters", None)
    chosen = range_of(number) is not None
    if "sweep" in params.outputs and not chosen:
        chooses = "n_clusters" in type(params).model_fields
        how = "give n_clusters as 'auto' or a range, or" if chooses else f"{params.algorithm} makes none, so"
        message = f"has sweep, which shows a choice: {how} leave it out"
        raise InvalidParams([FieldError(field="outputs", value=params.outputs, message=message)])
    palette = len(getattr(params, "palette", ()))
    if "masks" in params.outputs and max(palette, number if isinstance(number, int) else 0) > MOST_MASKS:
        what = f"palette has {palette} colours" if palette else f"n_clusters is {number}"
        message = f"has masks, of which there are at most {MOST_MASKS}: {what}"
        raise InvalidParams([FieldError(field="outputs", value=params.outputs, message=message)])
    if params.engine == "reference" and (chosen or getattr(params, "fixed", None)):
        what = "where the number of clusters is chosen" if chosen else "with fixed centres"
        message = f"should be 'exact' {what}: other packages do not do that"
        raise InvalidParams([FieldError(field="engine", value=params.engine, message=message)])
