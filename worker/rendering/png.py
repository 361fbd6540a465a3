"""PNG files from packed rows (Portable Network Graphics, third edition), written piece by piece.

Written here and not with Pillow, because ISA-L's deflate takes a fifth of the time, on any number of threads.
"""

import struct
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import numpy as np
from isal import isal_zlib
from numpy.typing import NDArray

from worker.kernels.packing import pack_rows

SIGNATURE = b"\x89PNG\r\n\x1a\n"
GREY, TRUECOLOR, INDEXED, TRUECOLOR_ALPHA = 0, 2, 3, 6
CHANNELS = {GREY: 1, TRUECOLOR: 3, INDEXED: 1, TRUECOLOR_ALPHA: 4}
# Rows are made and deflated so many bytes at a time: a picture of 100 megapixels never stands in memory as such.
BAND_BYTES = 8 << 20
NO_FILTER, UP = 0, 2

Rows = Callable[[int, int], NDArray[np.uint8]]
"""Takes the first row and the one after the last; gives u8[rows, 1 + bytes of a row], each with its filter in front."""


def color_type_of(pixels: NDArray[np.uint8]) -> int:
    """Of pixels u8[h, w, 3 or 4]."""
    return TRUECOLOR if pixels.shape[2] == 3 else TRUECOLOR_ALPHA


def indexed(
    labels: NDArray[Any], colors: NDArray[np.uint8], alpha: NDArray[np.uint8] | None = None, threads: int = 1
) -> bytes:
    """The file of `labels` int[h, w] in `colors` u8[n, 3], n at most 256, and `alpha` u8[n] where there is any.

    Negative labels count from the end of `colors`.
    """
    depth = next(bits for bits in (1, 2, 4, 8) if len(colors) <= 1 << bits)
    height, width = labels.shape
    entries = np.arange(len(colors), dtype=np.uint8)

    def rows(begin: int, end: int) -> NDArray[np.uint8]:
        packed = np.empty((end - begin, 1 + -(-width * depth // 8)), np.uint8)
        pack_rows(labels[begin:end], entries, depth, packed)
        return packed

    chunks = [(b"PLTE", colors.tobytes())] + ([] if alpha is None else [(b"tRNS", alpha.tobytes())])
    return encode((width, height), depth, INDEXED, rows, chunks, threads)


def encode(
    size: tuple[int, int],
    depth: int,
    color_type: int,
    rows: Rows,
    chunks: list[tuple[bytes, bytes]] | None = None,
    threads: int = 1,
) -> bytes:
    """The file of `size` (width, height) whose `rows` are asked for in bands, by up to `threads` threads at once.

    `chunks` stand before the pixels: PLTE, tRNS. The number of threads changes no byte.
    """
    width, height = size
    row_bytes = 1 + -(-width * depth * CHANNELS[color_type] // 8)
    step = max(1, BAND_BYTES // row_bytes)
    bands = list(pairwise([*range(0, height, step), height]))

    def deflate(band: tuple[int, int]) -> tuple[bytes, int, int]:
        made = rows(*band)
        packer = isal_zlib.compressobj(1, isal_zlib.DEFLATED, -15)
        flush = isal_zlib.Z_FINISH if band[1] == height else isal_zlib.Z_FULL_FLUSH
        return packer.compress(made) + packer.flush(flush), isal_zlib.adler32(made), made.nbytes

    with ThreadPoolExecutor(min(threads, len(bands))) as pool:
        deflated = list(pool.map(deflate, bands))
    checksum = 1
    for _, adler, length in deflated:
        checksum = adler32_of_both(checksum, adler, length)
    stream = b"".join([b"\x78\x01", *(part for part, _, _ in deflated), struct.pack(">I", checksum)])
    header = struct.pack(">IIBBBBB", width, height, depth, color_type, 0, 0, 0)
    parts = [(b"IHDR", header), *(chunks or []), (b"IDAT", stream), (b"IEND", b"")]
    return SIGNATURE + b"".join(_chunk(name, data) for name, data in parts)


def _chunk(name: bytes, data: bytes) -> bytes:
    return b"".join([struct.pack(">I", len(data)), name, data, struct.pack(">I", zlib.crc32(data, zlib.crc32(name)))])


def adler32_of_both(first: int, second: int, length: int) -> int:
    """The Adler-32 (RFC 1950) of two pieces one after the other, the second of `length` bytes, from that of each."""
    prime = 65521
    low = (first & 0xFFFF) + (second & 0xFFFF) - 1
    high = (first >> 16) + (second >> 16) + length % prime * ((first & 0xFFFF) - 1)
    return high % prime << 16 | low % prime
