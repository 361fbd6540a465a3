"""PNG (W3C Portable Network Graphics, third edition): signature, then chunks of length, name, data, CRC."""

from shared.errors import BrokenImage, UnsupportedImage
from shared.formats.header import MAX_METADATA_BYTES, Header, Limits, Window

SIGNATURE = b"\x89PNG\r\n\x1a\n"
END = b"\x00\x00\x00\x00IEND\xae\x42\x60\x82"
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
    for _ in range(MAX_CHUNKS):
        length, name = window.u32(offset), window.at(offset + 4, 4)
        if name == b"IDAT":
            return Header("PNG", window.u32(16), window.u32(20), bits, frames, alpha, may_be_turned=True)
        if name == b"acTL" and length == 8:
            frames = max(1, window.u32(offset + 8))
        alpha |= name == b"tRNS"
        metadata += length
        if metadata > MAX_METADATA_BYTES:
            raise BrokenImage(f"The PNG file has more than {MAX_METADATA_BYTES:,} bytes of metadata before its pixels.")
        offset += length + 12
    raise BrokenImage(f"The PNG file has more than {MAX_CHUNKS:,} chunks before its pixels.")
