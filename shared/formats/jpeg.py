"""JPEG (ITU-T T.81): markers, of which SOF tells the size."""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

from shared.contract.errors import BrokenImage, UnsupportedImage
from shared.formats import exif
from shared.formats.header import MAX_METADATA_BYTES, Header, Limits, Window

END = b"\xff\xd9"
# Table B.1. The frame headers; baseline, extended and progressive, Huffman or arithmetic, are read.
FRAMES = {0xC0, 0xC1, 0xC2, 0xC9, 0xCA}
_OTHER_FRAMES = {0xC3, 0xC5, 0xC6, 0xC7, 0xCB, 0xCD, 0xCE, 0xCF}
ALONE = {0x01, *range(0xD0, 0xD8)}  # markers without a length
_APP1, _SCAN = 0xE1, 0xDA
_EXIF = b"Exif\0\0"
MAX_SEGMENTS = 4096
# A marker, behind whatever stray bytes stand before it, as all viewers look for it.
_MARKER = re.compile(rb"\xff+([\x01-\xfe])")
_BLOCK = 4096
MAX_STRAY_BYTES = 64 * 1024


class Segment(NamedTuple):
    """A marker before the pixels, and its content."""

    marker: int
    begin: int  # of the marker
    end: int  # of the content; the scan's is not looked at
    stray: int  # bytes before the marker that are no part of the file's structure


def read(window: Window, limits: Limits) -> Header:
    """The frame header, behind whatever metadata stand before it."""
    frame, orientation = None, None
    for marker, begin, end, _ in segments(window):
        if marker == _SCAN and frame is not None:
            return replace(frame, orientation=orientation or 1, body=begin)
        if marker in (END[1], _SCAN):
            break
        if marker in _OTHER_FRAMES:
            raise UnsupportedImage("Lossless and hierarchical JPEG files are not read: save it as an ordinary JPEG.")
        if marker in FRAMES and frame is not None:
            raise BrokenImage("The JPEG file has two frame headers.")
        if marker in FRAMES:
            frame = _frame(window, begin + 4)
        if marker == _APP1 and orientation is None and window.peek(begin + 4, len(_EXIF)) == _EXIF:
            orientation = exif.orientation(window.peek(begin + 4, end - begin - 2))
    raise BrokenImage("The JPEG file has no frame header before its pixels.")


def segments(window: Window) -> Iterator[Segment]:
    """Those from behind the file's first marker to the first scan or the end mark, these two among them."""
    offset, strays = 2, 0
    for _ in range(MAX_SEGMENTS):
        begin, stray = _next_marker(window, offset)
        strays += stray
        if strays > MAX_STRAY_BYTES:
            raise BrokenImage(f"The JPEG file has more than {MAX_STRAY_BYTES:,} bytes where a marker must be.")
        marker = window.at(begin + 1, 1)[0]
        alone = marker in ALONE or marker == END[1]
        end = begin + 2 + (0 if alone else max(2, window.u16(begin + 2)))
        yield Segment(marker, begin, end, stray)
        if marker in (END[1], _SCAN):
            return
        if end > MAX_METADATA_BYTES:
            break
        offset = end
    raise BrokenImage("The JPEG file has too much metadata before its pixels.")


def _next_marker(window: Window, offset: int) -> tuple[int, int]:
    """Where it begins, and how many bytes stand before it that do not even fill the gap, as 0xFF does."""
    before = window.at(offset, 2)
    while (found := _MARKER.search(before)) is None:
        more = window.peek(offset + len(before), _BLOCK)
        if not more or len(before) > MAX_STRAY_BYTES + _BLOCK:
            raise BrokenImage("The JPEG file has bytes where a marker must be.")
        before += more
    begin = found.start(1) - 1
    return offset + begin, len(before[:begin].rstrip(b"\xff"))


def _frame(window: Window, offset: int) -> Header:
    bits, components = window.at(offset, 1)[0], window.at(offset + 5, 1)[0]
    if bits != 8:
        raise UnsupportedImage(f"JPEG files of {bits} bits a sample are not read: save it with 8 bits, or as PNG.")
    if components not in (1, 3, 4):
        raise UnsupportedImage(f"A JPEG file of {components} components is not read; grey, colour and CMYK are.")
    return Header("JPEG", window.u16(offset + 3), window.u16(offset + 1))
