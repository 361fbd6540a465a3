"""Writes TIFFs in every form: strips or tiles, planes, compressions, byte orders, and JPEG inside."""

import io
import itertools
import lzma
import struct
import zlib
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from PIL import Image, TiffImagePlugin

from tests.support.corpus import saved

HEIGHT, WIDTH = 19, 21
TYPES = {1: "B", 3: "H", 4: "I", 5: "I", 16: "Q"}
Tags = dict[int, tuple[int, list[int]]]


class Packing(NamedTuple):
    """How the samples are written down."""

    compression: int = 1
    predictor: bool = False
    planar: bool = False
    tile: tuple[int, int] | None = None
    rows: int = HEIGHT
    order: str = "<"
    big: bool = False
    reversed_bits: bool = False


def file_of(parts: list[bytes], tags: Tags, order: str, big: bool, tiled: bool) -> bytes:
    """A TIFF of one picture: the parts, then the directory, then what does not fit in it."""
    wide = 8 if big else 4
    begin = (16 if big else 8) + sum(map(len, parts))
    begin += begin % 2
    offsets = [(16 if big else 8) + sum(map(len, parts[:number])) for number in range(len(parts))]
    places = (324, 325) if tiled else (273, 279)
    whole = {**tags, places[0]: (16 if big else 4, offsets), places[1]: (4, [len(part) for part in parts])}
    count = struct.pack(f"{order}{'Q' if big else 'H'}", len(whole))
    behind = begin + len(count) + (20 if big else 12) * len(whole) + wide
    directory, values = count, b""
    for tag, (kind, numbers) in sorted(whole.items()):
        data = struct.pack(f"{order}{len(numbers)}{TYPES[kind]}", *numbers)
        directory += struct.pack(f"{order}HH{'Q' if big else 'I'}", tag, kind, len(numbers) // (2 if kind == 5 else 1))
        if len(data) <= wide:
            directory += data.ljust(wide, b"\0")
        else:
            directory += struct.pack(f"{order}{'Q' if big else 'I'}", behind + len(values))
            values += data
    mark = {"<": b"II", ">": b"MM"}[order]
    head = struct.pack(f"{order}HHHQ", 43, 8, 0, begin) if big else struct.pack(f"{order}HI", 42, begin)
    return (mark + head + b"".join(parts)).ljust(begin, b"\0") + directory + bytes(wide) + values


def parts_of(samples: np.ndarray, bits: int, how: Packing) -> list[bytes]:
    """Samples int[h, w, n] cut into strips or tiles, packed and compressed; plane by plane, if so."""
    if how.planar:
        planes = [samples[..., plane : plane + 1] for plane in range(samples.shape[2])]
        return [part for plane in planes for part in parts_of(plane, bits, how._replace(planar=False))]
    return [compressed(rows_of(piece, bits, how), piece, bits, how) for piece in cut(samples, how)]


def cut(samples: np.ndarray, how: Packing) -> Iterator[np.ndarray]:
    if how.tile is None:
        yield from (samples[top : top + how.rows] for top in range(0, len(samples), how.rows))
        return
    wide, high = how.tile
    down, across = -(-samples.shape[0] // high), -(-samples.shape[1] // wide)
    padded = np.pad(
        samples, ((0, down * high - samples.shape[0]), (0, across * wide - samples.shape[1]), (0, 0)), "edge"
    )
    for top in range(0, len(padded), high):
        yield from (padded[top : top + high, left : left + wide] for left in range(0, padded.shape[1], wide))


def rows_of(piece: np.ndarray, bits: int, how: Packing) -> bytes:
    """The rows of a strip or tile, each filled up to a whole byte."""
    if how.predictor:
        piece = piece.astype(np.int64)
        piece = np.concatenate([piece[:, :1], np.diff(piece, axis=1)], axis=1) & (1 << bits) - 1
    flat = piece.reshape(len(piece), -1)
    if bits == 16:
        return flat.astype(f"{how.order}u2").tobytes()
    places = (flat[..., None] >> np.arange(bits)[::-1] & 1).astype(np.uint8)
    return np.packbits(places.reshape(len(flat), -1), axis=1).tobytes()


def compressed(data: bytes, piece: np.ndarray, bits: int, how: Packing) -> bytes:
    if how.compression in (2, 3, 4):
        packed = fax(piece[..., 0], how.compression)
    elif how.compression == 7:
        packed = saved(Image.fromarray(piece.astype(np.uint8).squeeze()), "JPEG", quality=97, subsampling=0)
    else:
        packed = {
            1: lambda: data,
            5: lambda: lzw(data),
            8: lambda: zlib.compress(data),
            32946: lambda: zlib.compress(data, 1),
            32773: lambda: pack_bits(data),
            34925: lambda: lzma.compress(data),
        }[how.compression]()
    return packed.translate(REVERSED) if how.reversed_bits else packed


REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def fax(bits: np.ndarray, compression: int) -> bytes:
    """A strip of CCITT's kinds, taken from a file of libtiff's, in which 1 is white."""
    name = {2: "tiff_ccitt", 3: "group3", 4: "group4"}[compression]
    data = saved(Image.fromarray(bits.astype(bool)), "TIFF", compression=name, tiffinfo={278: len(bits)})
    image = TiffImagePlugin.TiffImageFile(io.BytesIO(data))
    (begin,), (size,) = image.tag_v2[273], image.tag_v2[279]
    return data[begin : begin + size]


def pack_bits(data: bytes) -> bytes:
    """Runs and literal bytes (TIFF 6.0, section 9)."""
    packed = b""
    for value, group in itertools.groupby(data):
        for length in _runs(len(list(group))):
            packed += bytes([257 - length if length > 1 else 0, value])
    return packed


def _runs(count: int) -> Iterator[int]:
    while count > 0:
        yield min(count, 128)
        count -= 128


def lzw(data: bytes) -> bytes:
    """Codes of 9 to 12 bits, the highest bit first, growing one code early (TIFF 6.0, section 13)."""
    table: dict[bytes, int] = {}
    bits: list[str] = []

    def put(code: int) -> None:
        size = len(table) + 258  # one more than the reader has by now
        bits.append(f"{code:0{9 if size < 512 else 10 if size < 1024 else 11 if size < 2048 else 12}b}")

    put(256)
    before = b""
    for at in range(len(data)):
        byte = data[at : at + 1]
        if len(before) == 0 or before + byte in table:
            before += byte
            continue
        put(table[before] if len(before) > 1 else before[0])
        table[before + byte] = len(table) + 258
        if len(table) + 258 >= 4095:
            put(256)
            table.clear()
        before = byte
    put(table[before] if len(before) > 1 else before[0])
    put(257)
    text = "".join(bits)
    return int(text.ljust(-(-len(text) // 8) * 8, "0"), 2).to_bytes(-(-len(text) // 8), "big")


def units(piece: np.ndarray, across: int, down: int) -> bytes:
    """YCbCr in blocks: the lumas of one, then its Cb and Cr (TIFF 6.0, section 21)."""
    high, wide = (-(-size // step) * step for size, step in zip(piece.shape[:2], (down, across), strict=True))
    padded = np.pad(piece, ((0, high - piece.shape[0]), (0, wide - piece.shape[1]), (0, 0)), "edge").astype(np.uint8)
    blocks = padded.reshape(high // down, down, wide // across, across, 3).swapaxes(1, 2)
    lumas = blocks[..., 0].reshape(high // down, wide // across, -1)
    return np.concatenate([lumas, blocks[:, :, 0, 0, 1:]], axis=2).tobytes()


def jpeg_stream(piece: np.ndarray, name: str) -> bytes:
    """A JPEG of the piece's samples as they are, or converted to YCbCr; without a mark that says which."""
    samples = np.ascontiguousarray(piece.astype(np.uint8).squeeze())
    mode = {1: "L", 3: "RGB", 4: "CMYK"}[piece.shape[2]]
    if mode == "CMYK":
        samples = 255 - samples  # Pillow turns inks round when it writes
    options = {"keep_rgb": True} if name == "RGB" and mode == "RGB" else {}
    data = saved(Image.fromarray(samples, mode), "JPEG", quality=97, subsampling=0, **options)
    return b"\xff\xd8" + b"".join(
        data[begin:end] for marker, begin, end in segments(data) if not 0xE0 <= marker <= 0xEF
    )


def segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Marker, beginning and end of each segment behind the first two bytes; the scan is the last."""
    at = 2
    while data[at + 1] != 0xDA:
        size = int.from_bytes(data[at + 2 : at + 4], "big")
        yield data[at + 1], at, at + 2 + size
        at += 2 + size
    yield 0xDA, at, len(data)


def jpeg_tables(data: bytes) -> bytes:
    return b"\xff\xd8" + b"".join(data[b:e] for m, b, e in segments(data) if m in (0xDB, 0xC4)) + b"\xff\xd9"


def without_tables(data: bytes) -> bytes:
    return b"\xff\xd8" + b"".join(data[b:e] for m, b, e in segments(data) if m not in (0xDB, 0xC4))
