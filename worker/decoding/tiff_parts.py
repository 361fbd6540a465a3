"""TIFF's strips and tiles -> samples as they are stored, the whole picture at once.

libtiff, by Pillow, unpacks them: it gets each plane as a picture of plain bytes. What the bytes mean is our own matter,
so that there is one rule for every number of bits, order of bytes, kind of planes and way of cutting a picture up.
"""

import io
import struct
import warnings

import numpy as np
from numpy.typing import NDArray
from PIL import TiffImagePlugin

from shared.contract.errors import BrokenImage
from shared.formats import tiff
from shared.formats.tiff import Layout
from worker.decoding import jpeg
from worker.decoding.decoded import decoding
from worker.decoding.samples import Samples, unpacked

_REVERSED = np.packbits(np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1)[:, ::-1], axis=1)[:, 0]


def read_samples(data: bytes, layout: Layout) -> Samples:
    """Samples as stored, [h, w, samples]: u8, above 8 bits u16. JPEG's and subsampled colours are expanded."""
    planes = layout.samples if layout.planar else 1
    pieces = _pieces(data, layout, planes)
    each = len(pieces) // planes
    made = [_plane(pieces[each * plane : each * (plane + 1)], layout) for plane in range(planes)]
    return made[0] if planes == 1 else np.concatenate(made, axis=2)


def _pieces(data: bytes, layout: Layout, planes: int) -> list[memoryview]:
    """The bytes of each tile or strip, one plane's behind the other's."""
    wide, high = layout.part
    each = -(-layout.width // wide) * -(-layout.height // high)
    tags = (tiff.TILE_OFFSETS, tiff.TILE_SIZES) if layout.tile else (tiff.STRIP_OFFSETS, tiff.STRIP_SIZES)
    offsets, sizes = (layout.directory.numbers(tag) for tag in tags)
    if len(offsets) < each * planes:
        raise BrokenImage("The TIFF file lacks strips or tiles of its picture.")
    if len(sizes) < each * planes:
        # Of plain samples the size is known; a single strip reaches to the file's end.
        if layout.compression != tiff.PLAIN and each * planes > 1:
            raise BrokenImage("The TIFF file does not say how long its strips or tiles are.")
        sizes = (len(data),) * (each * planes)
    view = memoryview(data)
    if layout.compression == tiff.PLAIN:
        row, wanted = _row_bytes(layout), [_unit_rows(layout, rows) for rows in _rows(layout, each)]
        sizes = tuple(row * rows for rows in wanted) * planes
    pieces = [view[at : at + size] for at, size in zip(offsets[: each * planes], sizes, strict=False)]
    if layout.compression == tiff.PLAIN and any(len(piece) < size for piece, size in zip(pieces, sizes, strict=True)):
        raise BrokenImage("The TIFF file is cut off: a strip or tile is not whole. Send the whole file.")
    return pieces


def _rows(layout: Layout, count: int) -> list[int]:
    """How many rows of the picture each of a plane's tiles or strips holds."""
    high = layout.part[1]
    if layout.tile:
        return [high] * count
    return [min(high, layout.height - high * strip) for strip in range(count)]


def _unit_rows(layout: Layout, rows: int) -> int:
    """Rows of YCbCr's data units, each of which holds several rows of pixels."""
    return -(-rows // layout.subsampling[1])


def _row_bytes(layout: Layout) -> int:
    """Of one row of a strip or tile of a plane; of subsampled YCbCr one row of data units."""
    wide, (across, down) = layout.part[0], layout.subsampling
    if (across, down) != (1, 1):
        return -(-wide // across) * (across * down + 2)
    return (wide * (1 if layout.planar else layout.samples) * layout.bits + 7) // 8


def _plane(pieces: list[memoryview], layout: Layout) -> Samples:
    """The samples of a plane, [h, w, samples of it], from the pieces that it is cut into."""
    wide, high = layout.part
    if layout.compression == tiff.JPEG:
        rows = _rows(layout, len(pieces))
        stack: Samples = np.concatenate([_jpeg(*each, layout) for each in zip(pieces, rows, strict=True)])
    else:
        lines = _lines(pieces, layout)
        stack = _expanded(lines, layout) if layout.subsampling != (1, 1) else _unpacked(lines, layout)
    if layout.tile is None:
        return stack[: layout.height]
    across, down = -(-layout.width // wide), -(-layout.height // high)
    tiles = stack.reshape(down, across, high, wide, -1).swapaxes(1, 2)
    return tiles.reshape(down * high, across * wide, -1)[: layout.height, : layout.width]


def _unpacked(lines: NDArray[np.uint8], layout: Layout) -> Samples:
    channels = 1 if layout.planar else layout.samples
    wide = layout.part[0]
    samples = unpacked(lines, layout.bits, wide * channels, layout.directory.order).reshape(len(lines), wide, channels)
    if layout.predicted:
        samples = np.add.accumulate(samples, axis=1, dtype=samples.dtype)
    return samples


def _expanded(units: NDArray[np.uint8], layout: Layout) -> NDArray[np.uint8]:
    """Subsampled YCbCr u8[rows of units, bytes] as u8[h, w, 3]: a unit is a block of lumas, then Cb and Cr for all."""
    (across, down), (wide, high) = layout.subsampling, layout.part
    if high % down and len(units) > _unit_rows(layout, high):
        raise BrokenImage(f"The TIFF file's strips have {high} rows, which its blocks of {down} rows do not fill.")
    blocks = units.reshape(len(units), -1, across * down + 2)
    pixels = np.empty((len(units), down, blocks.shape[1], across, 3), np.uint8)
    lumas = blocks[..., :-2].reshape(len(units), blocks.shape[1], down, across)
    pixels[..., 0] = lumas.swapaxes(1, 2)
    pixels[..., 1:] = blocks[:, None, :, None, -2:]
    return pixels.reshape(len(units) * down, -1, 3)[:, :wide]


def _jpeg(piece: memoryview, rows: int, layout: Layout) -> NDArray[np.uint8]:
    """A strip or tile that is a JPEG without its tables, u8[rows, w, samples]. RGB comes of YCbCr as JPEG has it."""
    wide, high = layout.part
    converted = layout.photometric == tiff.YCBCR and not layout.planar
    tables = layout.directory.bytes(tiff.JPEG_TABLES) or b""
    samples = jpeg.read_part(bytes(piece), tables, (wide, high), transform=1 if converted and is_jfif(layout) else 0)
    if (
        samples.shape[0] < rows
        or samples.shape[1] < wide
        or samples.shape[2] != (1 if layout.planar else layout.samples)
    ):
        raise BrokenImage("The TIFF file has a strip or tile of another size than its tags say.")
    return samples[:rows, :wide]


def is_jfif(layout: Layout) -> bool:
    """Whether YCbCr has the coefficients and the range that JPEG's decoders take for granted."""
    coefficients = layout.directory.fractions(tiff.COEFFICIENTS)
    reference = layout.directory.fractions(tiff.REFERENCE)
    usual = len(coefficients) != 3 or np.allclose(coefficients, (0.299, 0.587, 0.114), atol=0.0005)
    return usual and (len(reference) != 6 or np.allclose(reference, (0, 255, 128, 255, 128, 255), atol=0.5))


def _lines(pieces: list[memoryview], layout: Layout) -> NDArray[np.uint8]:
    """The unpacked rows of all pieces, one below the other: u8[rows, bytes]."""
    row, rows = _row_bytes(layout), [_unit_rows(layout, rows) for rows in _rows(layout, len(pieces))]
    if layout.compression == tiff.PLAIN:
        lines = np.frombuffer(b"".join(pieces), np.uint8).reshape(sum(rows), row)
        return _REVERSED[lines] if layout.reversed_bits else lines
    fax = layout.compression in tiff.FAX
    file = _as_file(pieces, layout, layout.part[0] if fax else row, rows, 1 if fax else 8)
    with decoding("TIFF"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        image = TiffImagePlugin.TiffImageFile(io.BytesIO(file))
        image.load()
    lines = np.asarray(image)
    return np.packbits(lines, axis=1) if fax else lines


def _as_file(pieces: list[memoryview], layout: Layout, width: int, rows: list[int], bits: int) -> bytes:
    """A TIFF of grey samples whose strips are the pieces."""
    begin = 8 + sum(map(len, pieces)) + sum(map(len, pieces)) % 2
    offsets = 8 + np.cumsum([0, *map(len, pieces)])[:-1]
    tags = {
        tiff.WIDTH: [width],
        tiff.HEIGHT: [sum(rows)],
        tiff.BITS: [bits],
        tiff.COMPRESSION: [layout.compression],
        tiff.PHOTOMETRIC: [tiff.BLACK_IS_ZERO],
        tiff.FILL_ORDER: [2 if layout.reversed_bits else 1],
        tiff.STRIP_OFFSETS: [int(offset) for offset in offsets],
        tiff.SAMPLES: [1],
        tiff.ROWS_PER_STRIP: [rows[0]],
        tiff.STRIP_SIZES: [len(piece) for piece in pieces],
        292: [layout.directory.number(292, 0)],  # the options of CCITT's two newer kinds
        293: [layout.directory.number(293, 0)],
    }
    table, values = struct.pack("<H", len(tags)), b""
    behind = begin + 2 + 12 * len(tags) + 4
    for tag, numbers in tags.items():
        packed = struct.pack(f"<{len(numbers)}I", *numbers)
        place = struct.pack("<I", behind + len(values)) if len(numbers) > 1 else packed
        table += struct.pack("<HHI", tag, 4, len(numbers)) + place
        values += packed if len(numbers) > 1 else b""
    head = b"II*\0" + struct.pack("<I", begin)
    return b"".join([head, *pieces, bytes(begin - 8 - sum(map(len, pieces))), table, bytes(4), values])
