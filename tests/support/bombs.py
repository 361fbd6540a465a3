"""Small files that stand for much: refused by their headers, or they would fill memory or take for ever."""

import struct
import zlib

from tests.support.corpus import chunk


def png_of(width: int, height: int, *before: bytes, pixels: bytes = b"") -> bytes:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    body = b"".join([header, *before, chunk(b"IDAT", zlib.compress(pixels)), chunk(b"IEND", b"")])
    return b"\x89PNG\r\n\x1a\n" + body


def gif_of(frames: int) -> bytes:
    frame = b"\x21\xf9\x04\0\x05\0\0\0\x2c\0\0\0\0\x01\0\x01\0\0\x02\x02\x44\x01\0"
    return b"GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xff\xff\xff" + frame * frames + b";"


def big_tiff_of(tags: int) -> bytes:
    tag = struct.pack("<HHQ8s", 65000, 3, 1, b"\1")
    return b"II\x2b\0\x08\0\0\0" + struct.pack("<QQ", 16, tags) + tag * tags + bytes(8)


def tiff_of(count: int) -> bytes:
    """A TIFF whose pages are `count` directories of two tags, one behind the other."""
    size = 2 + 2 * 12 + 4
    pages = b""
    for page in range(count):
        following = 8 + size * (page + 1) if page + 1 < count else 0
        pages += struct.pack("<HHHIIHHIII", 2, 256, 4, 1, 8, 257, 4, 1, 8, following)
    return b"II\x2a\0\x08\0\0\0" + pages


def tiff_of_tiles(side: int) -> bytes:
    """A picture of one pixel in a tile of so many a side."""
    tags = {256: 1, 257: 1, 258: 8, 259: 8, 262: 1, 277: 1, 322: side, 323: side, 324: 8, 325: 8}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    return b"II\x2a\0" + struct.pack("<I", 16) + bytes(8) + struct.pack("<H", len(tags)) + entries + bytes(4)


def jp2_of(boxes: int) -> bytes:
    return b"\x00\x00\x00\x0cjP  \r\n\x87\n" + b"\0\0\0\x08free" * boxes


BOMBS = {
    "30,000 x 30,000 PNG": png_of(30_000, 30_000, pixels=bytes(90_001)),
    "GIF of 10,000 frames": gif_of(10_000),
    "GIF in pieces of one byte": gif_of(1)[:-5] + b"\x01\0" * 2_000_000 + b"\0;",
    "PNG with a text of 40 MB": png_of(8, 8, chunk(b"tEXt", b"Comment\0" + b"x" * 40_000_000)),
    "PNG of a million chunks": png_of(8, 8, chunk(b"tEXt", b"a\0b") * 1_000_000),
    "TIFF of a million tags": big_tiff_of(1_000_000),
    "TIFF of many pages": tiff_of(5_000),
    "TIFF of a huge tile": tiff_of_tiles(65_520),
    "JPEG 2000 of a million boxes": jp2_of(1_000_000),
    "JPEG of stray bytes": b"\xff\xd8\xff\xe0\0\x02" + bytes(40_000_000),
    "WebP of 16,384 x 16,384": b"RIFF\x16\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0" + b"\xff\x3f\0" * 2,
    "BMP with a huge width": b"BM" + bytes(12) + struct.pack("<IiiHHI", 40, 2**31 - 1, 1, 1, 24, 0) + bytes(20),
    "QOI with a huge size": b"qoif" + struct.pack(">IIBB", 2**32 - 1, 2**32 - 1, 4, 0) + bytes(8),
    "PPM with a huge size": b"P6 999999999 999999999 255\n" + bytes(10),
    "APNG of 4 billion frames": png_of(8, 8, chunk(b"acTL", struct.pack(">II", 2**32 - 1, 0))),
}
