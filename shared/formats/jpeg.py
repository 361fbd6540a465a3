"""JPEG (ITU-T T.81): markers, of which SOF tells the size."""

from dataclasses import replace

from shared.contract.errors import BrokenImage, UnsupportedImage
from shared.formats import exif
from shared.formats.header import MAX_METADATA_BYTES, Header, Limits, Window

END = b"\xff\xd9"
# Table B.1. The frame headers; baseline, extended and progressive, Huffman or arithmetic, are read.
FRAMES = {0xC0, 0xC1, 0xC2, 0xC9, 0xCA}
_OTHER_FRAMES = {0xC3, 0xC5, 0xC6, 0xC7, 0xCB, 0xCD, 0xCE, 0xCF}
ALONE = {0x01, *range(0xD0, 0xD8)}  # markers without a length
_APP1 = 0xE1
_EXIF = b"Exif\0\0"
MAX_SEGMENTS = 4096


def read(window: Window, limits: Limits) -> Header:
    """The frame header, behind whatever metadata stand before it."""
    offset, frame, orientation = 2, None, None
    for _ in range(MAX_SEGMENTS):
        fill, marker = window.at(offset, 2)
        if fill != 0xFF:
            raise BrokenImage("The JPEG file has bytes where a marker must be.")
        if marker == 0xFF:
            offset += 1
            continue
        if marker in ALONE:
            offset += 2
            continue
        if marker == 0xDA and frame is not None:
            return replace(frame, orientation=orientation or 1, body=offset)
        if marker in (END[1], 0xDA):
            raise BrokenImage("The JPEG file has no frame header before its pixels.")
        if marker in _OTHER_FRAMES:
            raise UnsupportedImage("Lossless and hierarchical JPEG files are not read: save it as an ordinary JPEG.")
        if marker in FRAMES and frame is not None:
            raise BrokenImage("The JPEG file has two frame headers.")
        if marker in FRAMES:
            frame = _frame(window, offset + 4)
        if marker == _APP1 and orientation is None and window.peek(offset + 4, len(_EXIF)) == _EXIF:
            orientation = exif.orientation(window.peek(offset + 4, window.u16(offset + 2)))
        offset += 2 + max(2, window.u16(offset + 2))
        if offset > MAX_METADATA_BYTES:
            break
    raise BrokenImage("The JPEG file has too much metadata before its pixels.")


def _frame(window: Window, offset: int) -> Header:
    bits, components = window.at(offset, 1)[0], window.at(offset + 5, 1)[0]
    if bits != 8:
        raise UnsupportedImage(f"JPEG files of {bits} bits a sample are not read: save it with 8 bits, or as PNG.")
    if components not in (1, 3, 4):
        raise UnsupportedImage(f"A JPEG file of {components} components is not read; grey, colour and CMYK are.")
    return Header("JPEG", window.u16(offset + 3), window.u16(offset + 1))
