"""PBM, PGM and PPM (https://netpbm.sourceforge.net/doc/ppm.html): a header of numbers in plain text."""

import re

from shared.contract.errors import BrokenImage
from shared.formats.header import Header, Limits, Window

# Numbers between white space; a comment runs from # to the line's end.
_GAP = rb"(?:[ \t\r\n\v\f]|#[^\r\n]*[\r\n])+"
_SIZE = re.compile(rb"P[1-6]" + _GAP + rb"(\d{1,9})" + _GAP + rb"(\d{1,9})")
_MAXIMUM = re.compile(_GAP + rb"(\d{1,5})[ \t\r\n\v\f]")
HEADER_BYTES = 4096


def is_ppm(start: bytes) -> bool:
    return bool(re.match(rb"P[1-6][ \t\r\n\v\f#]", start))


def read(window: Window, limits: Limits) -> Header:
    return header(window.peek(0, HEADER_BYTES))[0]


def header(start: bytes) -> tuple[Header, int, int]:
    """The header, the greatest value of a sample, and the place where the samples begin."""
    size = _SIZE.match(start)
    if size is None:
        raise BrokenImage("The PPM header has no width and height.")
    width, height = int(size[1]), int(size[2])
    if start[1:2] in b"14":
        # One white space ends the header; a bitmap has no greatest value.
        return Header("PPM", width, height, 1), 1, size.end() + 1
    maximum = _MAXIMUM.match(start, size.end())
    if maximum is None:
        raise BrokenImage("The PPM header has no greatest value.")
    greatest = int(maximum[1])
    if not 1 <= greatest <= 65535:
        raise BrokenImage(f"The PPM header has the greatest value {greatest}; it must be from 1 to 65535.")
    return Header("PPM", width, height, greatest.bit_length()), greatest, maximum.end()
