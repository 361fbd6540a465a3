"""WebP: lossy, lossless and with alpha, still and animated, with frames that are parts of their canvas."""

import io
import itertools
import struct
from collections.abc import Iterator

import numpy as np
from PIL import Image

from tests.matrix.case import Case
from tests.matrix.tiff import upright
from tests.support.corpus import saved, smooth
from tests.support.profiles import P3_PROFILE, p3_seen


def chunk(name: bytes, data: bytes) -> bytes:
    return name + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)


def u24(value: int) -> bytes:
    return struct.pack("<I", value)[:3]


def pictures(pixels: np.ndarray, **options: object) -> bytes:
    """The chunks of a picture, without their frame: VP8 or VP8L, and ALPH if there is one."""
    data = saved(Image.fromarray(pixels), "WEBP", **options)[12:]
    kept, at = b"", 0
    while at < len(data):
        size = 8 + int.from_bytes(data[at + 4 : at + 8], "little")
        size += size % 2
        if data[at : at + 4] in (b"VP8 ", b"VP8L", b"ALPH"):
            kept += data[at : at + size]
        at += size
    return kept


def animation(
    frame: bytes, size: tuple[int, int], at: tuple[int, int], canvas: tuple[int, int], alpha: bool, count: int
) -> bytes:
    """An extended file of `count` equal frames."""
    place = u24(at[0] // 2) + u24(at[1] // 2) + u24(size[0] - 1) + u24(size[1] - 1) + u24(90) + b"\0"
    body = chunk(b"VP8X", bytes([2 | 16 * alpha, 0, 0, 0]) + u24(canvas[0] - 1) + u24(canvas[1] - 1))
    body += chunk(b"ANIM", b"\xff\xff\xff\xff\0\0") + chunk(b"ANMF", place + frame) * count
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body


def stills() -> Iterator[Case]:
    color, clear = smooth(48, 64), smooth(48, 64, 4)
    yield Case("webp lossy", saved(Image.fromarray(color), "WEBP", quality=95), color, 24)
    yield Case("webp lossless", saved(Image.fromarray(color), "WEBP", lossless=True), color)
    yield Case("webp lossless alpha", saved(Image.fromarray(clear), "WEBP", lossless=True, exact=True), clear)
    lossy = saved(Image.fromarray(clear), "WEBP", quality=95, exact=True)
    yield Case("webp lossy alpha", lossy, clear, 24)
    profiled = saved(Image.fromarray(color), "WEBP", lossless=True, icc_profile=P3_PROFILE)
    yield Case("webp profile", profiled, p3_seen(color), 1, {"profile": "Display P3"}, frozenset({"converted_profile"}))
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[274] = orientation
        data = saved(Image.fromarray(color), "WEBP", lossless=True, exif=exif)
        yield Case(f"webp orientation {orientation}", data, upright(color, orientation), shown=orientation == 1)


def animations() -> Iterator[Case]:
    for lossless, alpha, flag, at, count in itertools.product(
        (False, True), (False, True), (False, True), ((0, 0), (6, 4)), (1, 2)
    ):
        if alpha and not flag:
            continue
        pixels = smooth(32, 40, 4 if alpha else 3)
        frame = pictures(pixels, **({"lossless": True, "exact": True} if lossless else {"quality": 95, "exact": True}))
        canvas = (40 + at[0] + 6, 32 + at[1] + 2) if at != (0, 0) else (40, 32)
        data = animation(frame, (40, 32), at, canvas, flag, count)
        seen = np.zeros((canvas[1], canvas[0], 4), np.uint8)
        seen[at[1] : at[1] + 32, at[0] : at[0] + 40] = pixels if alpha else np.dstack([pixels, np.full((32, 40), 255)])
        seen = seen if (seen[..., 3] < 255).any() or flag else seen[..., :3]
        assert Image.open(io.BytesIO(data)).size == canvas
        name = f"webp animation {lossless} {alpha} {flag} {at} {count}"
        yield Case(name, data, seen, 0 if lossless else 26, {"frames": count})


def cases() -> Iterator[Case]:
    yield from stills()
    yield from animations()
