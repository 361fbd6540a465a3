"""Formats whose header is a handful of numbers: BMP, PPM and its relatives, QOI."""

import re

from shared.contract.errors import BrokenImage, UnsupportedImage
from shared.formats.header import Header, Limits, Window

_BMP_HEADERS = {12, 40, 52, 56, 64, 108, 124}
# https://netpbm.sourceforge.net/doc/ppm.html: numbers between white space; a comment runs from # to the line's end.
_GAP = rb"(?:[ \t\r\n\v\f]|#[^\r\n]*[\r\n])+"
_PPM = re.compile(rb"P[1-6]" + _GAP + rb"(\d{1,9})" + _GAP + rb"(\d{1,9})")
_MAXIMUM = re.compile(_GAP + rb"(\d{1,5})[ \t\r\n\v\f]")
PPM_HEADER_BYTES = 4096


def is_bmp(start: bytes) -> bool:
    return start[:2] == b"BM" and int.from_bytes(start[14:18], "little") in _BMP_HEADERS


def read_bmp(window: Window, limits: Limits) -> Header:
    if window.at(14, 1)[0] == 12:
        data = window.at(18, 8)
        width, height, bits = (int.from_bytes(data[at : at + 2], "little") for at in (0, 2, 6))
    else:
        data = window.at(18, 12)
        width = int.from_bytes(data[:4], "little", signed=True)
        height = abs(int.from_bytes(data[4:8], "little", signed=True))  # negative: from the top down
        bits = int.from_bytes(data[10:12], "little")
    return Header("BMP", width, height, transparent=bits == 32)


def is_ppm(start: bytes) -> bool:
    return bool(re.match(rb"P[1-6][ \t\r\n\v\f#]", start))


def read_ppm(window: Window, limits: Limits) -> Header:
    return ppm_header(window.peek(0, PPM_HEADER_BYTES))[0]


def ppm_header(start: bytes) -> tuple[Header, int, int]:
    """The header, the greatest value of a sample, and the place where the samples begin."""
    size = _PPM.match(start)
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


def read_qoi(window: Window, limits: Limits) -> Header:
    channels, space = window.at(12, 2)
    if channels not in (3, 4) or space not in (0, 1):
        raise UnsupportedImage("The QOI header has neither 3 nor 4 channels, or an unknown colour space.")
    return Header("QOI", window.u32(4), window.u32(8), transparent=channels == 4)
