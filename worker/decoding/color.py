"""Samples of whatever colour space -> sRGB of 8 bits, by the first of a file's words that counts.

icc         an embedded profile, by LittleCMS                              profiles
cicp        code points of ITU-T H.273: known primaries and a known curve  spaces
gamma       PNG's gAMA, with the primaries of cHRM                         spaces
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from shared.contract.results import Step
from worker.decoding import profiles, spaces
from worker.decoding.decoded import Decoded, Meaning
from worker.decoding.samples import Samples, eight_bits, look_up
from worker.decoding.spaces import BrokenProfile, Space

_CHANNELS = {"grey": 1, "rgb": 3, "cmyk": 4}
_PROFILE_MODES = {"grey": "L", "rgb": "RGB", "cmyk": "CMYK"}


class Seen(NamedTuple):
    """What a person sees, not yet turned upright."""

    pixels: NDArray[np.uint8]  # [h, w, 3], or [h, w, 4] with alpha
    profile: str | None  # the embedded profile's own description
    steps: list[Step]


def as_srgb(decoded: Decoded) -> Seen:
    """The samples in sRGB, beside their alpha, which no profile touches."""
    channels = _CHANNELS[decoded.model]
    samples, meaning = decoded.samples[..., :channels], decoded.meaning
    profile: str | None = None
    steps: list[Step] = []
    if meaning.icc is not None:
        colors, profile, steps = _by_profile(eight_bits(samples), meaning.icc, decoded.model)
    elif meaning.cicp is not None or meaning.gamma is not None or meaning.primaries is not None:
        space, steps = _space(meaning, grey=channels == 1)
        colors = _plain(eight_bits(samples)) if space is None else _by_space(samples, space)
    else:
        colors = _plain(eight_bits(samples))
    if decoded.samples.shape[2] > channels:
        colors = np.concatenate([colors, eight_bits(decoded.samples[..., channels:])], axis=2)
    return Seen(colors, profile, steps)


def _plain(colors: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Grey, RGB or CMYK without a profile as RGB."""
    channels = colors.shape[2]
    if channels == 1:
        return np.repeat(colors, 3, axis=2)
    if channels == 4:
        size = (colors.shape[1], colors.shape[0])
        return np.asarray(Image.frombytes("CMYK", size, np.ascontiguousarray(colors)).convert("RGB"))
    return colors


def _by_profile(colors: NDArray[np.uint8], icc: bytes, model: str) -> tuple[NDArray[np.uint8], str | None, list[Step]]:
    """The colours, the profile's description, and what is told of it."""
    try:
        how = profiles.conversion(icc)
        if how.mode == "RGB" and model == "grey":
            colors = np.repeat(colors, 3, axis=2)
        elif how.mode != _PROFILE_MODES[model]:
            raise BrokenProfile("it is for images of another kind")
    except BrokenProfile as error:
        return _plain(colors), None, [_ignored(f"The embedded profile was ignored: {error}.")]
    steps = [] if how.transform is None else [_converted(how.description)]
    return profiles.convert(colors, how), how.description, steps


def _space(meaning: Meaning, grey: bool) -> tuple[Space | None, list[Step]]:
    """The space of code points or of a gamma, None where it is sRGB's own or cannot be followed, and what is told."""
    if meaning.cicp is not None:
        primaries, transfer = meaning.cicp
        if primaries == 2 or transfer == 2:
            return None, []  # unspecified
        space = spaces.of_code_points(primaries, transfer)
        if space is None:
            said = f"Colours of primaries {primaries} and transfer {transfer} (ITU-T H.273) were taken for sRGB."
            return None, [_ignored(said)]
        same = profiles.conversion(spaces.as_profile(space)).transform is None
        return (None, []) if same else (space, [_converted(space.name)])
    if meaning.gamma is None:
        alone = meaning.primaries is not None and not grey and not spaces.are_srgb(meaning.primaries)
        return None, [_ignored("Primaries (cHRM) without a gamma were ignored.")] if alone else []
    if not 0.1 <= meaning.gamma <= 10:
        return None, [_ignored(f"The gamma {meaning.gamma:g} (gAMA) makes no sense.")]
    if grey or meaning.primaries is None or spaces.are_srgb(meaning.primaries):
        if spaces.is_srgb_gamma(meaning.gamma):
            return None, []
        said = f"Converted from gamma {meaning.gamma:g} to sRGB."
        return spaces.of_gamma(meaning.gamma, None), [Step(step="converted_gamma", detail=said)]
    space = spaces.of_gamma(meaning.gamma, meaning.primaries)
    try:
        spaces.to_d50(meaning.primaries)
    except BrokenProfile as error:
        return None, [_ignored(f"The primaries (cHRM) were ignored: {error}.")]
    return space, [_converted(space.name)]


def _by_space(samples: Samples, space: Space) -> NDArray[np.uint8]:
    """Grey or RGB samples of `space` as sRGB u8[h, w, 3]. Those of 16 bits are converted before they are rounded."""
    deep = samples.dtype == np.uint16
    if space.primaries is None or (deep and samples.shape[2] == 1):
        return _plain(look_up(spaces.curve_table(space.curve, 65536 if deep else 256), samples))
    if deep:
        return spaces.convert_deep(samples, space)
    return profiles.convert(_plain(eight_bits(samples)), profiles.conversion(spaces.as_profile(space)))


def _converted(name: str) -> Step:
    return Step(step="converted_profile", detail=f"Converted from {name} to sRGB.")


def _ignored(detail: str) -> Step:
    return Step(step="ignored_profile", detail=detail)
