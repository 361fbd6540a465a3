"""AVIF and HEIC: the image items of ISO/IEC 23008-12 (HEIF), and films whose first picture is taken."""

import math
from collections.abc import Iterator
from fractions import Fraction
from typing import NamedTuple

from shared.contract.errors import BrokenImage, UnsupportedImage
from shared.formats import boxes
from shared.formats.header import Header, Limits, Window

Property = tuple[bytes, bytes]  # kind and contents

_AVIF = {b"avif", b"avis"}
_HEIC = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx"}
_SEQUENCES = {b"avis", b"hevc", b"hevx", b"msf1"}
_ALPHA = (b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha", b"urn:mpeg:hevc:2015:auxid:1\0")
_SAMPLE_ENTRIES = {b"av01", b"hvc1", b"hev1"}
_HALF = Fraction(1, 2)
MAX_META_BYTES = 4 * 2**20
MOST_AVIF_SIDE = 32_768
"""In pixels. libavif opens nothing longer unless it is told to: neither do the libraries and browsers that have it."""


def brand_format(window: Window) -> str | None:
    """AVIF or HEIC by the brands of the file's first box; None for other films and pictures in boxes."""
    brands = _brands(window)
    if brands & _AVIF:
        return "AVIF"
    return "HEIC" if brands & _HEIC else None


def read_avif(window: Window, limits: Limits) -> Header:
    header = _read(window, "AVIF")
    longest = max(header.width, header.height)
    if MOST_AVIF_SIDE < longest <= limits.side:
        raise UnsupportedImage(
            f"The AVIF file is {header.width} x {header.height} pixels; AVIF is read up to {MOST_AVIF_SIDE:,} a side. "
            "Send a smaller image, or another format."
        )
    return header


def read_heic(window: Window, limits: Limits) -> Header:
    return _read(window, "HEIC")


def _brands(window: Window) -> set[bytes]:
    data = window.peek(8, min(max(window.u32(0) - 8, 4), 256))
    return {data[:4], *(data[at : at + 4] for at in range(8, len(data), 4))}


def _read(window: Window, name: str) -> Header:
    top = {box.kind: box for box in boxes.in_file(window)}
    film: _Film | None = None
    own: list[Property] = []
    alpha = False
    if b"moov" in top and _brands(window) & _SEQUENCES:
        film = _film(window.peek(top[b"moov"].begin, min(top[b"moov"].size, MAX_META_BYTES)))
    if b"meta" in top:
        own, alpha = _items(window, top[b"meta"], name)
    # Where a file is first of all a film, or has no picture beside it, its first picture is shown.
    if film is not None and name == "AVIF" and (not _found(own, b"ispe", 12) or window.peek(8, 4) == b"avis"):
        own, alpha = film.properties, film.alpha
    sizes = _found(own, b"ispe", 12)
    if not sizes and film is not None:
        raise UnsupportedImage(f"{name} files that are films without a picture are not read: send the picture alone.")
    if not sizes:
        raise BrokenImage(f"The {name} file has no picture in it that says how large it is, or is cut off.")
    width, height = int.from_bytes(sizes[0][4:8], "big"), int.from_bytes(sizes[0][8:12], "big")
    crops = _found(own, b"clap", 32)
    return Header(
        name,
        width,
        height,
        bits=_bits(own),
        frames=film.frames if film is not None else 1,
        transparent=alpha,
        orientation=_orientation(own),
        cicp=_code_points(own),
        shown=_aperture(crops[0], name, width, height) if crops else None,
    )


def _found(own: list[Property], kind: bytes, size: int) -> list[bytes]:
    """The contents of the properties of a kind that have at least so many bytes."""
    return [data for each, data in own if each == kind and len(data) >= size]


def _items(window: Window, meta: boxes.Box, name: str) -> tuple[list[Property], bool]:
    """The properties of the primary item, and whether there is an item of transparency."""
    if meta.size > MAX_META_BYTES:
        raise BrokenImage(f"The {name} file has more than {MAX_META_BYTES:,} bytes of metadata.")
    inside = dict(boxes.in_bytes(window.at(meta.begin, meta.size)[4:]))
    properties = list(boxes.in_bytes(inside.get(b"iprp", b"")))
    listed = [each for kind, data in properties if kind == b"ipco" for each in boxes.in_bytes(data)]
    # There may be several tables, of narrow and of wide numbers.
    tables = [data for kind, data in properties if kind == b"ipma"]
    item = _primary(inside)
    own = [listed[at - 1] for table in tables for at in _associated(table, item) if at <= len(listed)]
    # Transparency is an item of its own that refers to the picture: `auxC` names it.
    return own, any(kind == b"auxC" and any(name in data for name in _ALPHA) for kind, data in listed)


class _Film(NamedTuple):
    properties: list[Property]  # of its pictures, as if they were an item's
    frames: int
    alpha: bool


def _film(data: bytes) -> _Film | None:
    """The first track of pictures in the contents of `moov` (ISO/IEC 14496-12, 8.1 to 8.5)."""
    found, alpha = None, False
    for track in (dict(boxes.in_bytes(track)) for kind, track in boxes.in_bytes(data) if kind == b"trak"):
        media = dict(boxes.in_bytes(track.get(b"mdia", b"")))
        table = dict(boxes.in_bytes(dict(boxes.in_bytes(media.get(b"minf", b""))).get(b"stbl", b"")))
        entries = [entry for kind, entry in boxes.in_bytes(table.get(b"stsd", b"")[8:]) if kind in _SAMPLE_ENTRIES]
        if not entries:
            continue
        # 12.1.3: width and height stand behind 24 bytes, and boxes behind 78.
        inside = list(boxes.in_bytes(entries[0][78:]))
        if media.get(b"hdlr", b"")[8:12] == b"auxv":
            alpha |= any(kind == b"auxi" and any(name in data for name in _ALPHA) for kind, data in inside)
        elif found is None:
            width, height = entries[0][24:26], entries[0][26:28]
            size = (b"ispe", bytes(6) + width + bytes(2) + height)
            found = [size, *inside], max(1, int.from_bytes(table.get(b"stsz", b"")[8:12], "big"))
    return None if found is None else _Film(*found, alpha)


def _bits(own: list[Property]) -> int:
    """Of a sample: what `pixi` says, or the decoder's configuration."""
    for data in _found(own, b"pixi", 6):
        return data[5]
    for data in _found(own, b"hvcC", 18):
        return 8 + (data[17] & 7)
    for data in _found(own, b"av1C", 3):
        return (8, 8, 10, 12)[data[2] >> 5 & 3]  # high_bitdepth, then twelve_bit (AV1-ISOBMFF, 2.3)
    return 8


def _code_points(own: list[Property]) -> tuple[int, int] | None:
    """Primaries and transfer by ITU-T H.273."""
    for data in _found(own, b"colr", 8):
        if data[:4] == b"nclx":
            return int.from_bytes(data[4:6], "big"), int.from_bytes(data[6:8], "big")
    return None


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


def _orientation(own: list[Property]) -> int:
    """EXIF's number for a picture that is turned (`irot`), then mirrored (`imir`): HEIF, 6.5.10 and 6.5.12."""
    found = {kind: data[:1] for kind, data in own if kind in (b"irot", b"imir") and data}
    turns = found[b"irot"][0] & 3 if b"irot" in found else 0
    if b"imir" not in found:
        return (1, 8, 3, 6)[turns]
    left_to_right = found[b"imir"][0] & 1
    return ((4, 5, 2, 7), (2, 7, 4, 5))[left_to_right][turns]


def _primary(meta: dict[bytes, bytes]) -> int:
    data = meta.get(b"pitm", b"")
    return int.from_bytes(data[4:8] if data[:1] == b"\x01" else data[4:6], "big")


def _associated(data: bytes, item: int) -> Iterator[int]:
    """The numbers, from 1, of the properties of `item` in a table `ipma` (HEIF, 9.3.1)."""
    ids, step = 4 if data[:1] >= b"\x01" else 2, 2 if data[3:4] and data[3] & 1 else 1
    at = 8
    for _ in range(int.from_bytes(data[4:8], "big")):
        if at + ids >= len(data):
            return
        found, count = int.from_bytes(data[at : at + ids], "big"), data[at + ids]
        at += ids + 1
        if found == item:
            for place in range(at, at + count * step, step):
                # The topmost bit says that the property is essential.
                number = int.from_bytes(data[place : place + step], "big") & (0x7FFF if step == 2 else 0x7F)
                if number:
                    yield number
        at += count * step
