"""PNG (W3C Portable Network Graphics, third edition): signature, then chunks of length, name, data, CRC."""

import zlib

from shared.contract.errors import BrokenImage, UnsupportedImage
from shared.formats import exif
from shared.formats.header import MAX_METADATA_BYTES, Header, Limits, Window

SIGNATURE = b"\x89PNG\r\n\x1a\n"
END = b"IEND\xae\x42\x60\x82"  # its name and CRC
# Section 11.2.1: the depths that each colour type may have.
DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
MAX_CHUNKS = 4096  # before the pixels; real files have a dozen


def read(window: Window, limits: Limits) -> Header:
    """The chunks before the pixels: size, animation, transparency."""
    if window.at(8, 8) != b"\x00\x00\x00\x0dIHDR":
        raise BrokenImage("The PNG file does not begin with its header (IHDR).")
    bits, color_type = window.at(24, 2)
    if bits not in DEPTHS.get(color_type, ()):
        raise UnsupportedImage(f"PNG has no colour type {color_type} of {bits} bits.")
    frames, alpha, metadata, offset = 1, color_type in (4, 6), 0, 8
    orientation = None
    for _ in range(MAX_CHUNKS):
        length, name = window.u32(offset), window.at(offset + 4, 4)
        if name == b"IDAT":
            if orientation is None:
                orientation = _orientation_at_the_end(window, offset)
            return Header("PNG", window.u32(16), window.u32(20), bits, frames, alpha, orientation)
        if name == b"acTL" and length == 8:
            frames = max(1, window.u32(offset + 8))
        alpha |= name == b"tRNS"
        if name == b"eXIf" and orientation is None:
            orientation = _orientation(window.peek(offset, min(length, exif.MOST_BYTES) + 12))
        metadata += length
        if metadata > MAX_METADATA_BYTES:
            raise BrokenImage(f"The PNG file has more than {MAX_METADATA_BYTES:,} bytes of metadata before its pixels.")
        offset += length + 12
    raise BrokenImage(f"The PNG file has more than {MAX_CHUNKS:,} chunks before its pixels.")


def _orientation_at_the_end(window: Window, pixels: int) -> int:
    """What a chunk eXIf behind the pixels notes, which begin at `pixels`: it is sought near the end of the file."""
    begin = max(pixels, window.size - exif.MOST_BYTES)
    tail = window.peek(begin, exif.MOST_BYTES)
    at = tail.rfind(b"eXIf") - 4
    return (_orientation(tail[at:]) if at >= 0 else None) or 1


def _orientation(chunk: bytes) -> int | None:
    """What the chunk eXIf at the beginning of `chunk` notes; None where it is damaged."""
    end = 8 + int.from_bytes(chunk[:4], "big")
    if zlib.crc32(chunk[4:end]) != int.from_bytes(chunk[end : end + 4], "big") or end + 4 > len(chunk):
        return None
    return exif.orientation(chunk[8:end])
