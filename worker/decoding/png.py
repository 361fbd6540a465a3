"""PNG: the chunks that make the picture, checked, and samples of up to 16 bits.

Pillow gets a file of critical chunks only. So no text can unpack to gigabytes, and each chunk that is used has been
compared with its checksum, which Pillow leaves out for the pixels.
"""

import io
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from shared.contract.errors import BrokenImage
from shared.formats.png import DEPTHS, SIGNATURE
from worker.decoding.lookup import look_up

_CRITICAL = {b"IHDR", b"PLTE", b"IDAT", b"IEND"}
_COLOR_CHUNKS = {b"iCCP", b"sRGB", b"gAMA", b"cHRM", b"cICP"}
_USED = _CRITICAL | _COLOR_CHUNKS | {b"tRNS"}
Samples = NDArray[np.uint8] | NDArray[np.uint16]
# Left, top, and the steps across and down of the seven passes of an interlaced picture (section 8.2).
_PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
_BLOCK = 1 << 20
MAX_PROFILE_BYTES = 16 * 2**20
_GREY, _COLOR, _PALETTE, _GREY_ALPHA, _COLOR_ALPHA = 0, 2, 3, 4, 6


class Color(NamedTuple):
    """What a file says of its colours' meaning; nothing: sRGB."""

    cicp: tuple[int, int] | None = None
    icc: bytes | None = None
    gamma: float | None = None
    primaries: tuple[float, ...] | None = None  # x, y of red, green, blue and white


@dataclass(frozen=True)
class Chunks:
    """The chunks that are used, by name; the first of each, and all pixel data in `file`."""

    first: dict[bytes, bytes]
    file: bytes  # a PNG of the critical chunks alone

    def pixels(self) -> Iterator[bytes]:
        """The contents of the chunks IDAT."""
        view, offset = memoryview(self.file), len(SIGNATURE)
        while offset < len(view):
            length, name = struct.unpack(">I4s", view[offset : offset + 8])
            if name == b"IDAT":
                yield bytes(view[offset + 8 : offset + 8 + length])
            offset += 12 + length

    @property
    def bits(self) -> int:
        return self.first[b"IHDR"][8]

    @property
    def color_type(self) -> int:
        return self.first[b"IHDR"][9]

    def color(self) -> Color:
        """What the colour chunks say, of which the first in the third edition's order counts (section 4.3)."""
        cicp = self.first.get(b"cICP", b"")
        if len(cicp) == 4 and cicp[2] == 0:
            return Color(cicp=(cicp[0], cicp[1]))
        if b"iCCP" in self.first:
            return Color(icc=_unpacked(self.first[b"iCCP"]))
        gamma, primaries = self.first.get(b"gAMA", b""), self.first.get(b"cHRM", b"")
        if b"sRGB" in self.first or len(gamma) != 4:
            return Color()
        told = None
        if len(primaries) == 32:
            values = [value / 100_000 for value in struct.unpack(">8I", primaries)]
            told = (*values[2:], *values[:2])  # stored with the white first
        return Color(gamma=int.from_bytes(gamma, "big") / 100_000, primaries=told)


def read_chunks(data: bytes) -> Chunks:
    """Raises BrokenImage for a chunk that is cut off, missing, out of order, or not as its checksum says."""
    first: dict[bytes, bytes] = {}
    critical = [SIGNATURE]
    for name, content, whole in _walk(data):
        if name in _CRITICAL:
            if name != b"IDAT" and name in first:
                raise BrokenImage(f"The PNG file has the chunk {name.decode()} twice.")
            critical.append(whole)
        elif b"IDAT" in first:
            continue  # colours and transparency are told before the pixels, or not at all
        first.setdefault(name, content)
    header = first.get(b"IHDR", b"")
    if len(header) != 13 or b"IDAT" not in first or header[8] not in DEPTHS.get(header[9], ()):
        raise BrokenImage("The PNG file lacks its header or its pixels.")
    if header[9] == _PALETTE and b"PLTE" not in first:
        raise BrokenImage("The PNG file lacks its palette.")
    return Chunks(first, b"".join(critical))


def _walk(data: bytes) -> Iterator[tuple[bytes, bytes, bytes]]:
    """Name, content and the whole of each chunk that is used, to the end of the picture."""
    offset = len(SIGNATURE)
    view = memoryview(data)
    while offset + 12 <= len(data):
        length, name = struct.unpack(">I4s", view[offset : offset + 8])
        end = offset + 12 + length
        if end > len(data):
            break
        if name in _USED:
            # The pixels' own content is not copied twice.
            content = b"" if name == b"IDAT" else bytes(view[offset + 8 : end - 4])
            if zlib.crc32(view[offset + 4 : end - 4]) == int.from_bytes(view[end - 4 : end], "big"):
                yield name, content, bytes(view[offset:end])
            elif name in _CRITICAL:
                raise BrokenImage(f"The PNG file is damaged: the checksum of a chunk {name.decode()} is wrong.")
        elif not name[0] & 0x20:  # bit 5 of the first letter: ancillary
            raise BrokenImage(f"The PNG file has the unknown critical chunk {name!r}.")
        if name == b"IEND":
            return
        offset = end
    raise BrokenImage("The PNG file is cut off: its end is missing. Send the whole file.")


def read_samples(chunks: Chunks) -> Samples:
    """Grey, grey and alpha, RGB, or RGBA samples: u8[h, w, 1..4], or u16 where the file has 16 bits.

    Palettes are expanded and transparent colours turned into alpha.
    """
    if chunks.bits == 16:
        deep = _sixteen(chunks)
        _check_rows(deep, chunks)
        return _with_key(deep, chunks, 65535)
    image = Image.open(io.BytesIO(chunks.file), formats=("PNG",))
    image.load()
    if chunks.color_type == _PALETTE:
        _check_rows(np.asarray(image), chunks)
        return _paletted(image, chunks)
    samples = np.asarray(image.convert("L") if image.mode == "1" else image)
    _check_rows(samples, chunks)
    samples = samples.reshape(*samples.shape[:2], -1)
    return _with_key(samples, chunks, 255)


def _check_rows(samples: Samples, chunks: Chunks) -> None:
    """Raises BrokenImage where the pixels' stream ends, as if it were whole, before the last row.

    Pillow leaves the rows that do not come 0, so it is enough to count the bytes where the last one is, or where rows
    come out of order.
    """
    header = chunks.first[b"IHDR"]
    interlaced = header[12] == 1
    if samples[-1].any() and not interlaced:
        return
    width, height = struct.unpack(">II", header[:8])
    depth = chunks.bits * {_GREY: 1, _COLOR: 3, _PALETTE: 1, _GREY_ALPHA: 2, _COLOR_ALPHA: 4}[chunks.color_type]
    missing = 0
    for left, top, across, down in _PASSES if interlaced else ((0, 0, 1, 1),):
        columns, rows = -(-(width - left) // across), -(-(height - top) // down)
        missing += rows * (1 + (columns * depth + 7) // 8) if columns > 0 else 0
    unpacker, packed = zlib.decompressobj(), b"".join(chunks.pixels())
    while missing > 0 and not unpacker.eof:
        unpacked = unpacker.decompress(packed, _BLOCK)
        packed = unpacker.unconsumed_tail
        missing -= len(unpacked)
        if not unpacked and not packed:
            break
    if missing > 0:
        raise BrokenImage("The PNG file's pixels end before its last row. Send the whole file.")


def _paletted(image: Image.Image, chunks: Chunks) -> NDArray[np.uint8]:
    """The palette's colours, with an alpha of the palette's own. Colours that it lacks are black, as elsewhere."""
    colors = np.zeros((256, 4), np.uint8)
    colors[:, 3] = 255
    palette = np.frombuffer(chunks.first[b"PLTE"], np.uint8)[: 3 * 256]
    entries = len(palette) // 3
    colors[:entries, :3] = palette[: 3 * entries].reshape(-1, 3)
    alphas = np.frombuffer(chunks.first.get(b"tRNS", b""), np.uint8)[:entries]
    colors[: len(alphas), 3] = alphas
    return look_up(colors if len(alphas) else colors[:, :3], np.asarray(image))


def _sixteen(chunks: Chunks) -> NDArray[np.uint16]:
    """Samples of 16 bits. Pillow gives 8 of them at a time, so colours are decoded twice."""
    if chunks.color_type == _GREY:
        image = Image.open(io.BytesIO(chunks.file), formats=("PNG",))
        image.load()
        return np.asarray(image).astype(np.uint16)[..., None]
    if chunks.color_type == _GREY_ALPHA:
        # A pixel has four bytes, as one of 8-bit RGBA has: high and low byte of the grey, then of alpha.
        raw = _decoded(chunks, "RGBA")
        return np.stack([raw[..., 0] << 8 | raw[..., 1], raw[..., 2] << 8 | raw[..., 3]], axis=-1)
    mode = "RGB" if chunks.color_type == _COLOR else "RGBA"
    # Read as if the low byte came last, then as if it came first: each keeps the byte that it takes for the high one.
    high, low = _decoded(chunks, f"{mode};16B"), _decoded(chunks, f"{mode};16L")
    return (high << 8 | low).astype(np.uint16, copy=False)


def _decoded(chunks: Chunks, raw_mode: str) -> NDArray[np.uint16]:
    image = Image.open(io.BytesIO(chunks.file), formats=("PNG",))
    image.tile = [tile._replace(args=raw_mode) for tile in image.tile]
    image.load()
    return np.asarray(image).astype(np.uint16)


def _with_key(samples: Samples, chunks: Chunks, greatest: int) -> Samples:
    """`samples` with an alpha channel where the file names one colour as transparent (tRNS)."""
    key = chunks.first.get(b"tRNS")
    channels = samples.shape[2]
    if key is None or chunks.color_type not in (_GREY, _COLOR) or len(key) < 2 * channels:
        return samples
    # The key has as many bits as the file's samples, which may be fewer than those here.
    scale = greatest // ((1 << chunks.bits) - 1)
    values = np.array(struct.unpack(f">{channels}H", key[: 2 * channels])) * scale
    alpha = np.where((samples == values).all(axis=2), 0, greatest).astype(samples.dtype)
    return np.concatenate([samples, alpha[..., None]], axis=2)


def _unpacked(content: bytes) -> bytes:
    """The ICC profile in the chunk iCCP; empty where it does not unpack."""
    _, _, packed = content.partition(b"\0")
    unpacker = zlib.decompressobj()
    try:
        profile = unpacker.decompress(packed[1:], MAX_PROFILE_BYTES)
    except zlib.error:
        return b""
    return b"" if unpacker.unconsumed_tail else profile
