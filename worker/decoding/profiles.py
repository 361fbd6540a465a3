"""Colour profiles -> sRGB: embedded ICC profiles, and those that a few numbers in a header stand for.

ICC profiles are converted by LittleCMS (Pillow's ImageCms) with the relative colorimetric intent and black point
compensation, as photo editors do by default: white stays white, black stays black, and colours inside both gamuts stay
as they are. Colours that sRGB cannot show are clipped.
"""

import io
import struct
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from worker import srgb
from worker.decoding.lookup import look_up

_MODES = {"GRAY": "L", "RGB": "RGB", "CMYK": "CMYK"}
_GRID = 17  # values of a channel at which a profile is compared with sRGB

# Chromaticities x, y of red, green, blue and white, by ITU-T H.273's number (table 2).
PRIMARIES = {
    1: (0.640, 0.330, 0.300, 0.600, 0.150, 0.060, 0.3127, 0.3290),  # BT.709, as sRGB
    5: (0.640, 0.330, 0.290, 0.600, 0.150, 0.060, 0.3127, 0.3290),  # BT.601, 625 lines
    6: (0.630, 0.340, 0.310, 0.595, 0.155, 0.070, 0.3127, 0.3290),  # BT.601, 525 lines
    9: (0.708, 0.292, 0.170, 0.797, 0.131, 0.046, 0.3127, 0.3290),  # BT.2020
    12: (0.680, 0.320, 0.265, 0.690, 0.150, 0.060, 0.3127, 0.3290),  # Display P3
}
SRGB_PRIMARIES = PRIMARIES[1]
PRIMARIES_NAMES = {1: "BT.709", 5: "BT.601", 6: "BT.601", 9: "BT.2020", 12: "P3"}

# ICC's parametric curve of type 3: ((a x + b) ** g where x >= d, else c x), as (g, a, b, c, d).
Curve = tuple[float, float, float, float, float]
SRGB_CURVE: Curve = (
    srgb.GAMMA,
    1 / srgb.SCALE,
    srgb.OFFSET / srgb.SCALE,
    1 / srgb.SLOPE,
    srgb.LINEAR_UP_TO,
)
_BT709_CURVE: Curve = (1 / 0.45, 1 / 1.099, 0.099 / 1.099, 1 / 4.5, 0.081)
# H.273, table 3. PQ (16) and HLG (18) are missing: their light has no place in sRGB without a tone curve of taste.
TRANSFERS: dict[int, Curve] = {
    1: _BT709_CURVE,
    4: (2.2, 1, 0, 0, 0),
    5: (2.8, 1, 0, 0, 0),
    6: _BT709_CURVE,
    8: (1, 1, 0, 0, 0),
    13: SRGB_CURVE,
    14: _BT709_CURVE,
    15: _BT709_CURVE,
}

# Bradford's cone responses, as in ICC.1:2022, annex E, and the profile connection space's white, D50.
_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
_D50 = np.array([0.9642, 1.0, 0.8249])


class BrokenProfile(Exception):
    """The embedded profile cannot be used; the message says why."""


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


def matrix_profile(primaries: tuple[float, ...], curve: Curve, description: str) -> bytes:
    """An ICC profile (version 4, three curves and a matrix) of an RGB space.

    `primaries` are x, y of red, green, blue and white. Raises BrokenProfile for primaries that span no space.
    """
    red, green, blue = _adapted(primaries)
    para = b"para" + struct.pack(">4xHxx5i", 3, *(_fixed(value) for value in curve))
    tags = {
        b"desc": _text(description),
        b"cprt": _text("none"),
        b"wtpt": _xyz(_D50),
        b"rXYZ": _xyz(red),
        b"gXYZ": _xyz(green),
        b"bXYZ": _xyz(blue),
        b"rTRC": para,
        b"gTRC": para,
        b"bTRC": para,
    }
    offset = 128 + 4 + 12 * len(tags)
    table, body = struct.pack(">I", len(tags)), b""
    for name, data in tags.items():
        table += name + struct.pack(">II", offset + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    header = struct.pack(">I4xI4s4s4s12x4s", offset + len(body), 0x04400000, b"mntr", b"RGB ", b"XYZ ", b"acsp")
    header += bytes(28) + b"".join(struct.pack(">i", _fixed(value)) for value in _D50)
    return header.ljust(128, b"\0") + table + body


def _adapted(primaries: tuple[float, ...]) -> NDArray[np.float64]:
    """XYZ f64[3, 3] of red, green and blue, each a row, seen under D50 (ICC.1:2022, annex E)."""
    xy = np.asarray(primaries, np.float64).reshape(4, 2)
    if not np.isfinite(xy).all() or (xy[:, 1] < 1e-3).any() or (xy > 2).any():
        raise BrokenProfile("its primaries make no sense")
    xyz = np.column_stack([xy[:, 0] / xy[:, 1], np.ones(4), (1 - xy.sum(axis=1)) / xy[:, 1]])
    corners, white = xyz[:3].T, xyz[3]
    if abs(np.linalg.det(corners)) < 1e-6:
        raise BrokenProfile("its primaries span no colours")
    matrix = corners * np.linalg.solve(corners, white)
    cones = _BRADFORD @ white
    if (np.abs(cones) < 1e-6).any():
        raise BrokenProfile("its white makes no sense")
    adaptation = np.linalg.solve(_BRADFORD, ((_BRADFORD @ _D50) / cones)[:, None] * _BRADFORD)
    adapted: NDArray[np.float64] = (adaptation @ matrix).T
    if (np.abs(adapted) > 100).any():
        raise BrokenProfile("its primaries make no sense")
    return adapted


def _fixed(value: float) -> int:
    """ICC's s15Fixed16Number."""
    return round(value * 65536)


def _xyz(values: NDArray[np.float64]) -> bytes:
    return b"XYZ \0\0\0\0" + b"".join(struct.pack(">i", _fixed(value)) for value in values)


def _text(text: str) -> bytes:
    encoded = text.encode("utf-16-be")
    return b"mluc" + struct.pack(">4xII4sII", 1, 12, b"enUS", len(encoded), 28) + encoded


def gamma_curve(gamma: float) -> Curve:
    """The curve of samples that were stored as light ** gamma (PNG's gAMA)."""
    return (1 / gamma, 1, 0, 0, 0)


def gamma_table(gamma: float, levels: int) -> NDArray[np.uint8]:
    """sRGB u8[levels] of samples 0..levels-1 that were stored as light ** gamma (PNG, section 13.13)."""
    light = (np.arange(levels) / (levels - 1)) ** (1 / gamma)
    table: NDArray[np.uint8] = np.rint(255 * srgb.encoded(light)).astype(np.uint8)
    return table


def is_srgb_gamma(gamma: float) -> bool:
    """Whether PNG's gAMA means sRGB itself: encoders write 1/2.2 for it (PNG, section 11.3.2.5)."""
    return abs(2.2 * gamma - 1) <= 0.01


def is_srgb_primaries(primaries: tuple[float, ...]) -> bool:
    return bool(np.abs(np.subtract(primaries, SRGB_PRIMARIES)).max() <= 0.001)
