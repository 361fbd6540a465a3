"""JPEG: colours x marks x subsampling x progressive x restarts x orientation x profile x stray bytes."""

import itertools
from collections.abc import Iterator

import numpy as np
from PIL import Image

from shared.contract.errors import BrokenImage
from tests.matrix.case import Case
from tests.matrix.tiff import upright
from tests.matrix.tiff_writer import segments
from tests.support.corpus import rgb, saved, smooth
from tests.support.profiles import P3_PROFILE, p3_seen


def ramps() -> np.ndarray:
    """Ramps so gentle that subsampled chroma is nearly exact, each channel another way."""
    y, x = np.mgrid[0:64, 0:96]
    return np.stack([40 + 2 * x, 50 + 2 * y, 220 - x - y // 2], -1).astype(np.uint8)


def marked(data: bytes, *, jfif: bool, adobe: int | None, ids: bytes | None = None) -> bytes:
    """The file with other marks: JFIF's, Adobe's with this transform, and the components' own names."""
    out = b"\xff\xd8"
    out += b"\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0" if jfif else b""
    out += b"" if adobe is None else b"\xff\xee\0\x0eAdobe\0\x64\0\0\0\0" + bytes([adobe])
    for marker, begin, end in segments(data):
        segment = bytearray(data[begin:end])
        if 0xE0 <= marker <= 0xEF:
            continue
        if ids is not None and marker in (0xC0, 0xC2):
            segment[10::3] = ids
        if ids is not None and marker == 0xDA:
            segment[5 : 5 + 2 * len(ids) : 2] = ids
        out += bytes(segment)
    return out


def colors() -> Iterator[Case]:
    picture = ramps()
    grey = np.ascontiguousarray(picture[..., 0])
    for progressive, restart, (name, sub) in itertools.product(
        (False, True), (0, 1), (("4:4:4", 0), ("4:2:2", 1), ("4:2:0", 2))
    ):
        how = {"quality": 98, "subsampling": sub, "progressive": progressive, "restart_marker_rows": restart}
        suffix = f"{progressive} {restart} {name}"
        data = saved(Image.fromarray(picture), "JPEG", **how)
        yield Case(f"jpeg YCbCr {suffix}", data, picture, 6, {"mode": "RGB"}, frozenset())
        for jfif, adobe in ((True, None), (False, None), (False, 1), (True, 0)):
            # JFIF says YCbCr, whatever Adobe's mark says beside it.
            yield Case(f"jpeg YCbCr {suffix} {jfif} {adobe}", marked(data, jfif=jfif, adobe=adobe), picture, 6)
        data = saved(Image.fromarray(grey), "JPEG", **{**how, "subsampling": 0})
        yield Case(f"jpeg grey {suffix}", data, rgb(grey[..., None]), 3, {"mode": "grey"})
    plain = saved(Image.fromarray(picture), "JPEG", quality=98, keep_rgb=True)
    yield Case("jpeg RGB by Adobe", marked(plain, jfif=False, adobe=0), picture, 4)
    yield Case("jpeg RGB by names", marked(plain, jfif=False, adobe=None, ids=b"RGB"), picture, 4)


def inks() -> Iterator[Case]:
    picture = ramps()
    stored = np.dstack([picture, np.full(picture.shape[:2], 255, np.uint8)])  # inverted: black is not used
    data = saved(Image.fromarray(255 - stored, "CMYK"), "JPEG", quality=98, subsampling=0)
    for adobe in (0, None):
        yield Case(f"jpeg CMYK {adobe}", marked(data, jfif=False, adobe=adobe), picture, 5, {"mode": "CMYK"})
    luma = np.dstack([np.asarray(Image.fromarray(255 - picture).convert("YCbCr")), stored[..., 3]])
    data = saved(Image.fromarray(255 - luma, "CMYK"), "JPEG", quality=98, subsampling=0)
    yield Case("jpeg YCCK", marked(data, jfif=False, adobe=2), picture, 6, {"mode": "CMYK"})


def notes() -> Iterator[Case]:
    picture = ramps()
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[274] = orientation
        data = saved(Image.fromarray(picture), "JPEG", quality=98, subsampling=0, exif=exif)
        yield Case(
            f"jpeg orientation {orientation}", data, upright(picture, orientation), 6, {"orientation": orientation}
        )
    data = saved(Image.fromarray(picture), "JPEG", quality=98, subsampling=0, icc_profile=P3_PROFILE)
    yield Case("jpeg profile", data, p3_seen(picture), 8, {"profile": "Display P3"}, frozenset({"converted_profile"}))


def strays() -> Iterator[Case]:
    """Bytes between segments that belong to nothing, before each of them; and a gap behind them is still found."""
    picture = ramps()
    whole = saved(Image.fromarray(picture), "JPEG", quality=98, subsampling=0)
    places = [begin for _, begin, _ in segments(whole)][1:]
    for place, junk in itertools.product(places, (b"\0", b"abc", b"\xff\xff", b"\0\xff\0", bytes(3000))):
        data = whole[:place] + junk + whole[place:]
        steps = frozenset() if junk == b"\xff\xff" else frozenset({"tolerated_damage"})
        yield Case(f"jpeg {junk[:4]!r} at {place}", data, picture, 6, steps=steps)
        hollow = data[: -len(whole) // 3] + data[-2:]
        yield Case(f"jpeg hollow, {junk[:4]!r} at {place}", hollow, BrokenImage)
    odd = whole.replace(b"JFIF\0\1", b"JFIF\0\x09", 1)
    yield Case("jpeg of a version unheard of", odd, picture, 6, steps=frozenset({"tolerated_damage"}))
    yield Case("jpeg of a version unheard of, hollow", odd[: -len(whole) // 3] + odd[-2:], BrokenImage)


def sizes() -> Iterator[Case]:
    for height, width in itertools.product((1, 7, 8, 9, 17), (1, 15, 16, 33)):
        for sub in range(3):
            data = saved(
                Image.fromarray(np.full((height, width, 3), (200, 60, 30), np.uint8)),
                "JPEG",
                quality=98,
                subsampling=sub,
            )
            yield Case(f"jpeg {width} x {height} {sub}", data, np.full((height, width, 3), (200, 60, 30), np.uint8), 4)
    data = saved(Image.fromarray(smooth(64, 96)), "JPEG", quality=95, subsampling=0)
    yield Case("jpeg ramps", data, smooth(64, 96), 6)


def cases() -> Iterator[Case]:
    for family in (colors, inks, notes, strays, sizes):
        yield from family()
