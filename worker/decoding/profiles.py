"""Embedded ICC profiles -> sRGB.

They are converted by LittleCMS (Pillow's ImageCms) with the relative colorimetric intent and black point
compensation, as photo editors do by default: white stays white, black stays black, and colours inside both gamuts stay
as they are. Colours that sRGB cannot show are clipped.
"""

import io
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from worker.decoding.samples import look_up
from worker.decoding.spaces import BrokenProfile

_MODES = {"GRAY": "L", "RGB": "RGB", "CMYK": "CMYK"}
_GRID = 17  # values of a channel at which a profile is compared with sRGB


@dataclass(frozen=True)
class Conversion:
    """How pixels of a profile become sRGB."""

    description: str
    transform: ImageCms.ImageCmsTransform | None  # None: the profile is sRGB's within one step of 255
    mode: str  # Pillow's mode of the pixels that it takes


@lru_cache(maxsize=16)
def conversion(icc: bytes) -> Conversion:
    """What the ICC profile `icc` asks for. Raises BrokenProfile."""
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(icc))
        space = profile.profile.xcolor_space.strip()
        description = " ".join((ImageCms.getProfileDescription(profile) or "").split())[:200]
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError) as error:
        raise BrokenProfile("it cannot be read") from error
    if space not in _MODES:
        raise BrokenProfile(f"it describes {space}, which no image file that is read here holds")
    try:
        transform = ImageCms.buildTransform(
            profile,
            ImageCms.createProfile("sRGB"),
            _MODES[space],
            "RGB",
            ImageCms.Intent.RELATIVE_COLORIMETRIC,
            # What LittleCMS precomputes for speed suits colours, but is ten steps off in linear greys.
            ImageCms.Flags.BLACKPOINTCOMPENSATION | (ImageCms.Flags.NOOPTIMIZE if space == "GRAY" else 0),
        )
    except (ImageCms.PyCMSError, OSError, ValueError) as error:
        raise BrokenProfile("it has no way to sRGB") from error
    description = description or f"{space} profile without a name"
    return Conversion(description, None if _is_srgb(transform, _MODES[space]) else transform, _MODES[space])


def convert(pixels: NDArray[np.uint8], how: Conversion) -> NDArray[np.uint8]:
    """`pixels` u8[h, w, channels of how.mode] as sRGB u8[h, w, 3]."""
    if how.transform is None:
        return pixels if how.mode == "RGB" else np.repeat(pixels, 3, axis=2)
    if how.mode == "L":
        every = np.arange(256, dtype=np.uint8).reshape(1, -1, 1)
        return look_up(np.asarray(how.transform.apply(_image(every, "L")))[0], pixels[..., 0])
    return np.asarray(how.transform.apply(_image(pixels, how.mode)))


def _image(pixels: NDArray[np.uint8], mode: str) -> Image.Image:
    height, width = pixels.shape[:2]
    return Image.frombytes(mode, (width, height), np.ascontiguousarray(pixels))


def _is_srgb(transform: ImageCms.ImageCmsTransform, mode: str) -> bool:
    """Whether the transform changes no colour of a grid by more than one step of 255."""
    if mode == "CMYK":
        return False
    levels = np.linspace(0, 255, _GRID).round().astype(np.uint8)
    if mode == "L":
        colors = np.arange(256, dtype=np.uint8).reshape(1, -1, 1)
    else:
        colors = np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), axis=-1).reshape(1, -1, 3)
    seen = np.asarray(transform.apply(_image(colors, mode))).astype(int)
    return bool(np.abs(seen - colors).max() <= 1)
