"""PNG: the chunks that make the picture, each checked against its checksum, unpacked and unfiltered by our own kernel.

Of large pictures one thread unpacks, a few rows ahead of another that undoes their filters: what lies between them
stays in the caches.

So samples of 16 bits come whole, no text is ever unpacked, no more is unpacked than the picture has rows for, and
rows that do not come are missed: what PNG libraries let pass, or leave black.
"""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from isal import isal_zlib
from numpy.typing import NDArray

from shared.contract.errors import BrokenImage, UnsupportedImage
from shared.contract.results import Step
from shared.formats import Header
from shared.formats.png import DEPTHS, SIGNATURE
from worker.decoding.decoded import Decoded, Meaning, reduced
from worker.decoding.inflated import Inflated
from worker.decoding.samples import Samples, look_up, reduce, unpacked
from worker.decoding.threads import ahead
from worker.kernels import read_only
from worker.kernels.png import unfilter

_CRITICAL = {b"IHDR", b"PLTE", b"IDAT", b"IEND"}
_COLOR_CHUNKS = {b"iCCP", b"sRGB", b"gAMA", b"cHRM", b"cICP"}
_USED = _CRITICAL | _COLOR_CHUNKS | {b"tRNS"}
# Left, top, and the steps across and down of the seven passes of an interlaced picture (section 8.2).
_PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
MAX_PROFILE_BYTES = 16 * 2**20
# Of 12 bytes each, a file might have millions, and take seconds and gigabytes. Writers put 8 kB and more into each.
MOST_CHUNKS = 1 << 17
# Of filtered rows that are unpacked at a time, if a row is no longer: a block and the next fit into a core's cache.
BLOCK_BYTES = 1 << 18
_GREY, _COLOR, _PALETTE, _GREY_ALPHA, _COLOR_ALPHA = 0, 2, 3, 4, 6
_CHANNELS = {_GREY: 1, _COLOR: 3, _PALETTE: 1, _GREY_ALPHA: 2, _COLOR_ALPHA: 4}
_MODES = {_GREY: "grey", _COLOR: "RGB", _PALETTE: "palette", _GREY_ALPHA: "grey+alpha", _COLOR_ALPHA: "RGBA"}


@dataclass(frozen=True)
class Chunks:
    """The chunks that are used, by name, the first of each; and all pixel data."""

    first: dict[bytes, bytes]
    pixels: tuple[memoryview, ...]  # the contents of the chunks IDAT: together a zlib stream

    @property
    def size(self) -> tuple[int, int]:
        width, height = struct.unpack(">II", self.first[b"IHDR"][:8])
        return width, height

    @property
    def bits(self) -> int:
        return self.first[b"IHDR"][8]

    @property
    def color_type(self) -> int:
        return self.first[b"IHDR"][9]

    @property
    def interlaced(self) -> bool:
        return self.first[b"IHDR"][12] == 1

    @property
    def narrow(self) -> bool:
        """Whether samples are video's, of which 16 is black and 235 white (cICP, section 11.3.2.6)."""
        cicp = self.first.get(b"cICP", b"")
        return len(cicp) == 4 and cicp[2:] == b"\0\0"

    def meaning(self) -> Meaning:
        """What the colour chunks say, of which the first in the third edition's order counts (section 4.3)."""
        cicp = self.first.get(b"cICP", b"")
        if len(cicp) == 4 and cicp[2] == 0:
            return Meaning(cicp=(cicp[0], cicp[1]))
        if b"iCCP" in self.first:
            return Meaning(icc=_profile(self.first[b"iCCP"]))
        if b"sRGB" in self.first:
            return Meaning()
        gamma, primaries = self.first.get(b"gAMA", b""), self.first.get(b"cHRM", b"")
        told = None
        if len(primaries) == 32:
            values = [value / 100_000 for value in struct.unpack(">8I", primaries)]
            told = (*values[2:], *values[:2])  # stored with the white first
        return Meaning(gamma=int.from_bytes(gamma, "big") / 100_000 if len(gamma) == 4 else None, primaries=told)


def read(data: bytes, header: Header) -> Decoded:
    chunks = read_chunks(data)
    samples = read_samples(chunks)
    channels = samples.shape[2]
    steps = reduced(chunks.bits)
    if chunks.narrow:
        colors = samples[..., : channels - (channels in (2, 4))]
        colors[...] = _expanded(colors)
        steps.append(
            Step(step="expanded_range", detail="Samples of video's range, 16 to 235, were spread to 0 to 255.")
        )
    if chunks.first.get(b"cICP", bytes(4))[2:3] != b"\0":
        said = "The file's code points (cICP) are of YCbCr, which PNG has not: they were ignored."
        steps.append(Step(step="ignored_profile", detail=said))
    mode = _MODES[chunks.color_type]
    if chunks.color_type in (_GREY, _COLOR, _PALETTE) and channels in (2, 4):
        mode += "+alpha"
    return Decoded(samples, "grey" if channels <= 2 else "rgb", mode, chunks.bits, chunks.meaning(), steps=steps)


def read_chunks(data: bytes) -> Chunks:
    """Raises BrokenImage for a chunk that is cut off, missing, out of order, or not as its checksum says."""
    first: dict[bytes, bytes] = {}
    pixels: list[memoryview] = []
    for name, content in _walk(data):
        if name == b"IDAT":
            if content:
                pixels.append(content)
        elif name in _CRITICAL and name in first:
            raise BrokenImage(f"The PNG file has the chunk {name.decode()} twice.")
        elif b"IDAT" in first and name not in _CRITICAL:
            continue  # colours and transparency are told before the pixels, or not at all
        if name not in first:
            first[name] = b"" if name == b"IDAT" else bytes(content)
    header = first.get(b"IHDR", b"")
    if len(header) != 13 or not pixels or header[8] not in DEPTHS.get(header[9], ()) or header[12] > 1:
        raise BrokenImage("The PNG file lacks its header or its pixels, or its header makes no sense.")
    if header[9] == _PALETTE and b"PLTE" not in first:
        raise BrokenImage("The PNG file lacks its palette.")
    return Chunks(first, tuple(pixels))


def _walk(data: bytes) -> Iterator[tuple[bytes, memoryview]]:
    """Name and content of each chunk that is used, to the end of the picture."""
    offset = len(SIGNATURE)
    view = memoryview(data)
    for _ in range(MOST_CHUNKS):
        if offset + 12 > len(data):
            break
        length, name = struct.unpack(">I4s", view[offset : offset + 8])
        end = offset + 12 + length
        if end > len(data):
            break
        if name in _USED:
            if isal_zlib.crc32(view[offset + 4 : end - 4]) == int.from_bytes(view[end - 4 : end], "big"):
                yield name, view[offset + 8 : end - 4]
            elif name in _CRITICAL:
                raise BrokenImage(f"The PNG file is damaged: the checksum of a chunk {name.decode()} is wrong.")
        elif not name[0] & 0x20:  # bit 5 of the first letter: ancillary
            raise BrokenImage(f"The PNG file has the unknown critical chunk {name!r}.")
        if name == b"IEND":
            return
        offset = end
    else:
        raise UnsupportedImage(f"The PNG file has more than {MOST_CHUNKS:,} chunks: save it anew.")
    raise BrokenImage("The PNG file is cut off: its end is missing. Send the whole file.")


def read_samples(chunks: Chunks) -> Samples:
    """Grey, grey and alpha, RGB, or RGBA samples [h, w, 1..4]: u8, or u16 where the file has 16 bits.

    Palettes are expanded, transparent colours turned into alpha, and samples of fewer than 8 bits spread over 0..255.
    """
    stream = Inflated(chunks.pixels)
    stored = _interlaced(stream, chunks) if chunks.interlaced else _part(stream, chunks, *chunks.size)
    stream.check_end()
    if chunks.color_type == _PALETTE:
        return _paletted(stored, chunks)
    return _with_key(stored, chunks)


def _interlaced(stream: Inflated, chunks: Chunks) -> Samples:
    width, height = chunks.size
    stored: Samples = np.empty(
        (height, width, _CHANNELS[chunks.color_type]), np.uint16 if chunks.bits == 16 else np.uint8
    )
    for left, top, across, down in _PASSES:
        if width > left and height > top:
            columns, rows = -(-(width - left) // across), -(-(height - top) // down)
            stored[top::down, left::across] = _part(stream, chunks, columns, rows)
    return stored


def _part(stream: Inflated, chunks: Chunks, columns: int, rows: int) -> Samples:
    """The samples as stored of the next rows of the stream, [rows, columns, 1..4]."""
    channels, bits = _CHANNELS[chunks.color_type], chunks.bits
    lines = _lines(stream, (rows, (columns * channels * bits + 7) // 8), max(1, channels * bits // 8))
    return unpacked(lines, bits, columns * channels, ">").reshape(rows, columns, channels)


def _lines(stream: Inflated, shape: tuple[int, int], step: int) -> NDArray[np.uint8]:
    """The next rows of the stream without their filters, u8[rows, bytes of a row]; a pixel has `step` bytes."""
    rows, size = shape
    lines = np.empty(shape, np.uint8)
    at_once = max(1, BLOCK_BYTES // (1 + size))
    blocks = (stream.read(min(at_once, rows - row) * (1 + size)) for row in range(0, rows, at_once))
    for row, block in zip(range(0, rows, at_once), ahead(blocks) if rows > at_once else blocks, strict=True):
        if unfilter(read_only(block), step, row, lines) < min(rows, row + at_once):
            raise BrokenImage("The PNG file is damaged: a row has a filter that does not exist.")
    return lines


def _paletted(index: Samples, chunks: Chunks) -> NDArray[np.uint8]:
    """The palette's colours, with an alpha of the palette's own. Colours that it lacks are black, as elsewhere."""
    colors = np.zeros((256, 4), np.uint8)
    colors[:, 3] = 255
    palette = np.frombuffer(chunks.first[b"PLTE"], np.uint8)[: 3 * 256]
    entries = len(palette) // 3
    colors[:entries, :3] = palette[: 3 * entries].reshape(-1, 3)
    alphas = np.frombuffer(chunks.first.get(b"tRNS", b""), np.uint8)[:entries]
    colors[: len(alphas), 3] = alphas
    return look_up(colors if len(alphas) else colors[:, :3], index[..., 0])


def _with_key(stored: Samples, chunks: Chunks) -> Samples:
    """The samples, spread over all of their type, with an alpha channel where one colour is named as clear (tRNS)."""
    greatest, channels = (1 << chunks.bits) - 1, stored.shape[2]
    samples = reduce(stored, greatest) if chunks.bits < 8 else stored
    key = chunks.first.get(b"tRNS")
    if key is None or chunks.color_type not in (_GREY, _COLOR) or len(key) < 2 * channels:
        return samples
    # Of a key's 16 bits those count that a sample has (section 11.3.2.1).
    named = np.array(struct.unpack(f">{channels}H", key[: 2 * channels])) & greatest
    alpha = np.multiply((stored != named).any(axis=2), np.iinfo(samples.dtype).max, dtype=samples.dtype)
    return np.concatenate([samples, alpha[..., None]], axis=2)


def _expanded(colors: Samples) -> Samples:
    """Video's range spread over the samples' whole range: 16 to 235 of 8 bits, 4,096 to 60,160 of 16."""
    levels = np.iinfo(colors.dtype).max + 1
    black, white = 16 * levels // 256, 235 * levels // 256
    spread = np.clip((np.arange(levels) - black) / (white - black), 0, 1)
    return look_up(np.rint(spread * (levels - 1)).astype(colors.dtype), colors)


def _profile(content: bytes) -> bytes:
    """The ICC profile in the chunk iCCP; empty where it does not unpack."""
    _, _, packed = content.partition(b"\0")
    unpacker = zlib.decompressobj()
    try:
        profile = unpacker.decompress(packed[1:], MAX_PROFILE_BYTES)
    except zlib.error:
        return b""
    return b"" if unpacker.unconsumed_tail else profile
