"""PNG files from packed rows (Portable Network Graphics, third edition), made band by band.

Written here and not with Pillow, because ISA-L's deflate takes a fifth of the time, on any number of threads.
"""

import struct
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import numpy as np
from isal import isal_zlib
from numpy.typing import NDArray

from worker.kernels import read_only
from worker.kernels.packing import pack_rows

SIGNATURE = b"\x89PNG\r\n\x1a\n"
GREY, TRUECOLOR, INDEXED, TRUECOLOR_ALPHA = 0, 2, 3, 6
CHANNELS = {GREY: 1, TRUECOLOR: 3, INDEXED: 1, TRUECOLOR_ALPHA: 4}
NO_FILTER, SUB = 0, 1
# Rows are made and deflated so many bytes at a time: a picture of 100 megapixels never stands in memory as such.
BAND_BYTES = 16 << 20
_LEVEL = 1
# Of less than 16 kB, `isal_zlib.compress` now and then makes other bytes, if as good ones: seen with isal 1.9.1, on
# threads, for some rows in every seventh call; never of more, and never by a packer.
_COMPRESSED_AT_ONCE = 1 << 16
_ZLIB_HEADER = b"\x78\x5e"  # as ISA-L writes it at that level

Chunk = tuple[bytes, bytes]  # name, data
Rows = Callable[[int, int], NDArray[np.uint8]]
"""Takes the first row and the one after the last; gives u8[rows, 1 + bytes of a row], each with its filter in front."""


def indexed(
    labels: NDArray[Any],
    colors: NDArray[np.uint8],
    *,
    entries: NDArray[np.uint8] | None = None,
    alpha: NDArray[np.uint8] | None = None,
    threads: int = 1,
) -> bytes:
    """The file of `labels` int[h, w] in `colors` u8[n, 3], n at most 256, and `alpha` u8[n] where there is any.

    A label is shown as the colour `entries[label]`, without `entries` u8[n] as its own; negative labels count from the
    end of those.
    """
    count = len(colors)
    depth = next(bits for bits in (1, 2, 4, 8) if count <= 1 << bits)
    height, width = labels.shape
    labels = read_only(labels)
    shown = np.arange(count, dtype=np.uint8) if entries is None else entries

    def rows(begin: int, end: int) -> NDArray[np.uint8]:
        packed = np.empty((end - begin, 1 + -(-width * depth // 8)), np.uint8)
        pack_rows(labels[begin:end], shown, depth, packed)
        return packed

    chunks = [(b"PLTE", colors.tobytes())] + ([] if alpha is None else [(b"tRNS", alpha.tobytes())])
    return encode((width, height), depth, INDEXED, rows, chunks, threads)


def truecolor(
    size: tuple[int, int], channels: int, fill: Callable[[int, int, NDArray[np.uint8]], None], threads: int = 1
) -> bytes:
    """The file of `size` (width, height) with 3 channels, or 4: alpha is the last.

    `fill` takes the first row, the one after the last, and the place u8[rows, 1 + bytes of a row] to write them to
    (OUT), from byte 1 of each on.
    """

    def rows(begin: int, end: int) -> NDArray[np.uint8]:
        made = np.empty((end - begin, 1 + size[0] * channels), np.uint8)
        made[:, 0] = SUB
        fill(begin, end, made)
        # Each pixel less its left neighbour: photographs take three fifths of the bytes, flat areas no more.
        made[:, 1 + channels :] -= made[:, 1:-channels].copy()
        return made

    return encode(size, 8, TRUECOLOR if channels == 3 else TRUECOLOR_ALPHA, rows, threads=threads)


def encode(
    size: tuple[int, int],
    depth: int,
    color_type: int,
    rows: Rows,
    chunks: Sequence[Chunk] = (),
    threads: int = 1,
) -> bytes:
    """The file of `size` (width, height) whose `rows` are asked for in bands, by up to `threads` threads at once.

    `chunks` stand before the pixels: PLTE, tRNS. The number of threads changes no byte.
    """
    width, height = size
    row_bytes = 1 + -(-width * depth * CHANNELS[color_type] // 8)
    step = max(1, BAND_BYTES // row_bytes)
    bands = list(pairwise([*range(0, height, step), height]))
    if len(bands) == 1:
        pixels = [_compressed(rows(0, height))]
    else:
        with ThreadPoolExecutor(min(threads, len(bands))) as pool:
            pixels = _stream(list(pool.map(lambda band: _deflated(rows(*band), band[1] == height), bands)))
    header = struct.pack(">IIBBBBB", width, height, depth, color_type, 0, 0, 0)
    # A chunk for each band: the length of one alone might not fit into its 31 bits.
    parts = [(b"IHDR", header), *chunks, *((b"IDAT", data) for data in pixels), (b"IEND", b"")]
    return SIGNATURE + b"".join(piece for name, data in parts for piece in _chunk(name, data))


def _compressed(rows: NDArray[np.uint8]) -> bytes:
    """All rows as a zlib stream."""
    if rows.nbytes < _COMPRESSED_AT_ONCE:
        return b"".join(_stream([_deflated(rows, True)]))
    data: bytes = isal_zlib.compress(rows, _LEVEL)
    return data


def _deflated(rows: NDArray[np.uint8], last: bool) -> tuple[bytes, int, int]:
    """The band's part of a deflate stream, the Adler-32 of its rows, and their bytes."""
    packer = isal_zlib.compressobj(_LEVEL, isal_zlib.DEFLATED, -15)
    data = packer.compress(rows) + packer.flush(isal_zlib.Z_FINISH if last else isal_zlib.Z_FULL_FLUSH)
    return data, isal_zlib.adler32(rows), rows.nbytes


def _stream(bands: Sequence[tuple[bytes, int, int]]) -> list[bytes]:
    """The pieces of a zlib stream (RFC 1950) made of `_deflated` bands."""
    checksum = 1
    for _, adler, length in bands:
        checksum = adler32_of_both(checksum, adler, length)
    pieces = [data for data, _, _ in bands]
    pieces[0] = _ZLIB_HEADER + pieces[0]
    pieces[-1] += struct.pack(">I", checksum)
    return pieces


def _chunk(name: bytes, data: bytes) -> tuple[bytes, ...]:
    checksum = isal_zlib.crc32(data, isal_zlib.crc32(name))
    return struct.pack(">I", len(data)), name, data, struct.pack(">I", checksum)


def adler32_of_both(first: int, second: int, length: int) -> int:
    """The Adler-32 (RFC 1950) of two pieces one after the other, the second of `length` bytes, from that of each."""
    prime = 65521
    low = (first & 0xFFFF) + (second & 0xFFFF) - 1
    high = (first >> 16) + (second >> 16) + length % prime * ((first & 0xFFFF) - 1)
    return high % prime << 16 | low % prime
