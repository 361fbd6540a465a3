"""AVIF and HEIC: boxes of ISO/IEC 14496-12, the image items of ISO/IEC 23008-12 (HEIF)."""

import math
from collections.abc import Iterator
from fractions import Fraction

from shared.contract.errors import BrokenImage
from shared.formats.header import Header, Limits, Window

_AVIF = {b"avif", b"avis"}
_HEIC = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx"}
_SEQUENCES = {b"avis", b"hevc", b"hevx", b"msf1"}
_ALPHA = (b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha", b"urn:mpeg:hevc:2015:auxid:1\0")
_HALF = Fraction(1, 2)
MAX_BOXES = 4096
MAX_META_BYTES = 4 * 2**20


def brand_format(window: Window) -> str | None:
    """AVIF or HEIC by the brands of the file's first box; None for other films and pictures in boxes."""
    brands = _brands(window)
    if brands & _AVIF:
        return "AVIF"
    return "HEIC" if brands & _HEIC else None


def read_avif(window: Window, limits: Limits) -> Header:
    return _read(window, "AVIF")


def read_heic(window: Window, limits: Limits) -> Header:
    return _read(window, "HEIC")


def _brands(window: Window) -> set[bytes]:
    data = window.peek(8, min(max(window.u32(0) - 8, 4), 256))
    return {data[:4], *(data[at : at + 4] for at in range(8, len(data), 4))}


def _read(window: Window, name: str) -> Header:
    top = {kind: (offset, size) for kind, offset, size in _top_boxes(window)}
    if b"meta" not in top:
        raise BrokenImage(f"The {name} file has no picture in it, or is cut off.")
    offset, size = top[b"meta"]
    if size > MAX_META_BYTES:
        raise BrokenImage(f"The {name} file has more than {MAX_META_BYTES:,} bytes of metadata.")
    meta = dict(_boxes(window.at(offset, size)[4:]))
    properties = dict(_boxes(meta.get(b"iprp", b"")))
    listed = list(_boxes(properties.get(b"ipco", b"")))
    own = [listed[at - 1] for at in _associated(properties.get(b"ipma", b""), _primary(meta)) if at <= len(listed)]
    sizes = [data for kind, data in own if kind == b"ispe" and len(data) >= 12]
    if not sizes:
        raise BrokenImage(f"The {name} file does not say how large it is.")
    width, height = int.from_bytes(sizes[0][4:8], "big"), int.from_bytes(sizes[0][8:12], "big")
    depths = [data[5] for kind, data in own if kind == b"pixi" and len(data) > 5]
    told = [data for kind, data in own if kind == b"colr" and data[:4] == b"nclx" and len(data) >= 8]
    cicp = (int.from_bytes(told[0][4:6], "big"), int.from_bytes(told[0][6:8], "big")) if told else None
    frames = _samples(window, *top[b"moov"]) if _brands(window) & _SEQUENCES and b"moov" in top else 1
    # Transparency is an item of its own that refers to the picture: `auxC` names it.
    alpha = any(kind == b"auxC" and any(name in data for name in _ALPHA) for kind, data in listed)
    crops = [data for kind, data in own if kind == b"clap" and len(data) >= 32]
    shown = _aperture(crops[0], name, width, height) if crops else None
    bits = depths[0] if depths else 8
    return Header(name, width, height, bits, frames, alpha, _orientation(own), cicp, shown=shown)


def _aperture(data: bytes, name: str, width: int, height: int) -> tuple[slice, slice]:
    """The rows and columns that `clap` leaves (ISO/IEC 14496-12, 12.1.4.1), rounded as libheif does it."""
    numbers = [int.from_bytes(data[at : at + 4], "big", signed=True) for at in range(0, 32, 4)]
    if min(numbers[1::2]) > 0:
        wide, high, right, down = (Fraction(*numbers[at : at + 2]) for at in range(0, 8, 2))
        left = math.floor(right + Fraction(width - 1, 2) - (wide - 1) / 2)
        top = math.floor(down + Fraction(height - 1, 2) - (high - 1) / 2 + _HALF)
        behind, below = left + math.floor(wide + _HALF), top + math.floor(high + _HALF)
        if 0 <= left < behind <= width and 0 <= top < below <= height:
            return slice(top, below), slice(left, behind)
    raise BrokenImage(f"The {name} file's clean aperture (clap) is not within its picture.")


def _orientation(own: list[tuple[bytes, bytes]]) -> int:
    """EXIF's number for a picture that is turned (`irot`), then mirrored (`imir`): HEIF, 6.5.10 and 6.5.12."""
    found = {kind: data[:1] for kind, data in own if kind in (b"irot", b"imir") and data}
    turns = found[b"irot"][0] & 3 if b"irot" in found else 0
    if b"imir" not in found:
        return (1, 8, 3, 6)[turns]
    left_to_right = found[b"imir"][0] & 1
    return ((4, 5, 2, 7), (2, 7, 4, 5))[left_to_right][turns]


def _top_boxes(window: Window) -> Iterator[tuple[bytes, int, int]]:
    """Kind, place and size of the contents of each box of the file."""
    offset = 0
    for _ in range(MAX_BOXES):
        head = window.peek(offset, 16)
        if len(head) < 8:
            return
        size, skip = int.from_bytes(head[:4], "big"), 8
        if size == 1:
            size, skip = int.from_bytes(head[8:16], "big"), 16
        size = window.size - offset if size == 0 else size
        if size < skip:
            return
        yield head[4:8], offset + skip, size - skip
        offset += size


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Kind and contents of each box in `data`."""
    offset = 0
    while offset + 8 <= len(data):
        size = int.from_bytes(data[offset : offset + 4], "big") or len(data) - offset
        if size < 8:
            return
        yield data[offset + 4 : offset + 8], data[offset + 8 : offset + size]
        offset += size


def _primary(meta: dict[bytes, bytes]) -> int:
    data = meta.get(b"pitm", b"")
    return int.from_bytes(data[4:8] if data[:1] == b"\x01" else data[4:6], "big")


def _associated(data: bytes, item: int) -> list[int]:
    """The numbers, from 1, of the properties of `item`."""
    wide_ids, wide_numbers = data[:1] >= b"\x01", bool(data[3:4] and data[3] & 1)
    at = 8
    for _ in range(int.from_bytes(data[4:8], "big")):
        ids = 4 if wide_ids else 2
        step = 2 if wide_numbers else 1
        found = int.from_bytes(data[at : at + ids], "big")
        count = data[at + ids] if at + ids < len(data) else 0
        at += ids + 1
        if at >= len(data):
            break
        if found == item:
            raw = (data[place : place + step] for place in range(at, at + count * step, step))
            # The topmost bit says that the property is essential.
            return [
                number for value in raw if (number := int.from_bytes(value, "big") & (0x7FFF if wide_numbers else 0x7F))
            ]
        at += count * step
    return []


def _samples(window: Window, offset: int, size: int) -> int:
    """The pictures of the first track: the number in its table of sample sizes."""
    film = window.peek(offset, min(size, MAX_META_BYTES))
    at = film.find(b"stsz")
    return max(1, int.from_bytes(film[at + 12 : at + 16], "big")) if at >= 0 else 1
