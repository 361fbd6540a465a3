"""Image bytes -> Raster: upright, sRGB, 8 bits, the first frame.

shared.formats.read_header    the limits, before anything is decoded
codecs                        bytes -> Decoded: samples as the file has them, with what it says of their meaning
profiles                      samples -> sRGB
"""

import io
import struct
import warnings
import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from shared.contract.errors import BrokenImage, HuemillError
from shared.contract.results import FoundImage, Step
from shared.formats import Limits, read_header
from worker.decoding import profiles
from worker.decoding.codecs import CODECS, Decoded
from worker.decoding.lookup import look_up
from worker.decoding.profiles import BrokenProfile

# What Pillow and its codecs raise on damaged data. Nothing else is taken for the image's fault.
_DAMAGE = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    AssertionError,
    AttributeError,
    EOFError,
    IndexError,
    KeyError,
    OverflowError,
    RuntimeError,
    ZeroDivisionError,
    struct.error,
    zlib.error,
)
_ORIENTED = {
    2: "mirrored left to right",
    3: "turned by 180 degrees",
    4: "mirrored top to bottom",
    5: "mirrored along the falling diagonal",
    6: "turned clockwise by 90 degrees",
    7: "mirrored along the rising diagonal",
    8: "turned anticlockwise by 90 degrees",
}


@dataclass(frozen=True)
class Raster:
    """An image as it is seen: upright, sRGB, its first frame."""

    pixels: NDArray[np.uint8]  # [h, w, 3], or [h, w, 4] with alpha
    found: FoundImage

    @property
    def height(self) -> int:
        return int(self.pixels.shape[0])

    @property
    def width(self) -> int:
        return int(self.pixels.shape[1])


def decode(data: bytes, limits: Limits) -> Raster:
    """The first frame of an image file, as a person sees it.

    Raises UnsupportedImage for a format or mode that is not read, ImageTooLarge before any pixel is decoded, and
    BrokenImage for data that are damaged or cut off: never half a picture.
    """
    header = read_header(io.BytesIO(data), limits)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about metadata that nobody reads here
            decoded = CODECS[header.format](data, header)
    except HuemillError:
        raise
    except _DAMAGE as error:
        raise BrokenImage(f"The {header.format} file's data are damaged or cut off: {error}") from error
    height, width = decoded.samples.shape[:2]
    if sorted((width, height)) != sorted(header.size):
        raise BrokenImage(
            f"The {header.format} header says {header.width} x {header.height} pixels, its data {width} x {height}."
        )
    steps: list[Step] = list(decoded.steps)
    if header.frames > 1:
        steps.append(Step(step="took_first_frame", detail=f"The file has {header.frames:,} frames or pages."))
    colors, alpha, profile = _as_srgb(decoded, steps)
    pixels = colors if alpha is None else np.concatenate([colors, alpha], axis=2)
    if not decoded.upright and decoded.orientation in _ORIENTED:
        pixels = _turned(pixels, decoded.orientation)
    if decoded.orientation in _ORIENTED:
        steps.append(Step(step="oriented", detail=f"It was {_ORIENTED[decoded.orientation]}."))
    found = FoundImage(
        format=header.format,
        mode=decoded.mode,
        bits=decoded.bits,
        frames=header.frames,
        orientation=decoded.orientation,
        profile=profile,
        steps=steps,
    )
    return Raster(pixels, found)


def _as_srgb(decoded: Decoded, steps: list[Step]) -> tuple[NDArray[np.uint8], NDArray[np.uint8] | None, str | None]:
    """Colours u8[h, w, 3], alpha u8[h, w, 1] if there is one, and the profile's description."""
    samples = decoded.samples
    channels = {"grey": 1, "rgb": 3, "cmyk": 4}[decoded.model]
    colors, alpha = samples[..., :channels], samples[..., channels:] if samples.shape[2] > channels else None
    if decoded.icc is not None:
        try:
            how = profiles.conversion(decoded.icc)
            if how.mode == "RGB" and decoded.model == "grey":
                colors = np.repeat(colors, 3, axis=2)
            elif how.mode != {"grey": "L", "rgb": "RGB", "cmyk": "CMYK"}[decoded.model]:
                raise BrokenProfile("it is for images of another kind")
        except BrokenProfile as error:
            steps.append(Step(step="ignored_profile", detail=f"The embedded profile was ignored: {error}."))
            return _plain(colors), alpha, None
        if how.transform is not None:
            steps.append(Step(step="converted_profile", detail=f"Converted from {how.description} to sRGB."))
        return profiles.convert(colors, how), alpha, how.description
    colors = _plain(colors)
    if decoded.cicp is not None:
        colors = _by_numbers(colors, *decoded.cicp, steps)
    elif decoded.gamma is not None or decoded.primaries is not None:
        colors = _by_gamma(colors, decoded, steps)
    return colors, alpha, None


def _plain(colors: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Grey, RGB or CMYK without a profile as RGB."""
    channels = colors.shape[2]
    if channels == 1:
        return np.repeat(colors, 3, axis=2)
    if channels == 4:
        size = (colors.shape[1], colors.shape[0])
        return np.asarray(Image.frombytes("CMYK", size, np.ascontiguousarray(colors)).convert("RGB"))
    return colors


def _by_numbers(colors: NDArray[np.uint8], primaries: int, transfer: int, steps: list[Step]) -> NDArray[np.uint8]:
    """Colours of ITU-T H.273's primaries and transfer as sRGB."""
    if primaries == 2 or transfer == 2 or (primaries, transfer) in ((1, 13), (1, 1), (1, 6)):
        return colors  # unspecified, or sRGB; video's own curve is shown on screens as sRGB is
    if primaries not in profiles.PRIMARIES or transfer not in profiles.TRANSFERS:
        detail = f"Colours of primaries {primaries} and transfer {transfer} (ITU-T H.273) were taken for sRGB."
        steps.append(Step(step="ignored_profile", detail=detail))
        return colors
    name = f"{profiles.PRIMARIES_NAMES[primaries]} colours (ITU-T H.273: {primaries}, {transfer})"
    icc = profiles.matrix_profile(profiles.PRIMARIES[primaries], profiles.TRANSFERS[transfer], name)
    how = profiles.conversion(icc)
    if how.transform is not None:
        steps.append(Step(step="converted_profile", detail=f"Converted from {name} to sRGB."))
    return profiles.convert(colors, how)


def _by_gamma(colors: NDArray[np.uint8], decoded: Decoded, steps: list[Step]) -> NDArray[np.uint8]:
    """Colours of PNG's gAMA and cHRM as sRGB; primaries without a gamma say too little (section 13.13)."""
    gamma, primaries = decoded.gamma, decoded.primaries
    if gamma is None:
        return colors
    if not 0.1 <= gamma <= 10:
        steps.append(Step(step="ignored_profile", detail=f"The gamma {gamma:g} (gAMA) makes no sense."))
        return colors
    near = primaries is None or profiles.is_srgb_primaries(primaries)
    if near or decoded.model == "grey":
        if profiles.is_srgb_gamma(gamma):
            return colors
        steps.append(Step(step="converted_gamma", detail=f"Converted from gamma {gamma:g} to sRGB."))
        # Samples of 16 bits were converted where they were reduced.
        return colors if decoded.bits == 16 else look_up(profiles.gamma_table(gamma, 256), colors)
    assert primaries is not None
    name = f"the file's own primaries and gamma {gamma:g}"
    try:
        how = profiles.conversion(profiles.matrix_profile(primaries, profiles.gamma_curve(gamma), name))
    except BrokenProfile as error:
        steps.append(Step(step="ignored_profile", detail=f"The primaries (cHRM) were ignored: {error}."))
        return colors
    steps.append(Step(step="converted_profile", detail=f"Converted from {name} to sRGB."))
    return profiles.convert(colors, how)


def _turned(pixels: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """The pixels as EXIF's orientation 2..8 wants them seen (CIPA DC-008, tag 0x0112)."""
    if orientation >= 5:
        pixels = pixels.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return np.ascontiguousarray(pixels)
