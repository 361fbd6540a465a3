"""BMP, by our own: its masks, palettes and spaces are more than libraries read, and its pixels are plain."""

import io

import numpy as np
from numpy.typing import NDArray

from shared.contract.errors import BrokenImage
from shared.contract.results import Step
from shared.formats import Header, bmp
from shared.formats.bmp import Layout
from shared.formats.header import Window
from worker.decoding.decoded import Decoded, Meaning
from worker.decoding.samples import look_up, reduce, unpacked
from worker.kernels.bmp import unpack

_FEW = 16  # bits up to which a mask's values have a table


def read(data: bytes, header: Header) -> Decoded:
    layout = bmp.layout(Window(io.BytesIO(data)))
    mode = _palette_mode(data, layout) if layout.masks is None else "RGBA" if layout.masks[3] else "RGB"
    if layout.compression in (bmp.RLE8, bmp.RLE4):
        samples = _runs(data, layout)
        mode += "+alpha" if samples.shape[2] == 4 else ""
    else:
        rows = _rows(data, layout)
        samples = _paletted(rows, data, layout) if layout.masks is None else _masked(rows, layout.masks, layout)
    meaning, steps = _meaning(data, layout)
    return Decoded(samples, "rgb", mode, 8, meaning, steps=steps)


def _rows(data: bytes, layout: Layout) -> NDArray[np.uint8]:
    """The rows of plain pixels, the top one first, u8[h, bytes]."""
    stride = -(-layout.row_bytes // 4) * 4
    stored = np.frombuffer(data, np.uint8)[layout.pixels :][: stride * layout.height]
    missing = stride * layout.height - len(stored)
    if missing > stride - layout.row_bytes:
        raise BrokenImage("The BMP file is cut off: its last rows are missing. Send the whole file.")
    if missing:  # the filling behind the last row
        stored = np.concatenate([stored, np.zeros(missing, np.uint8)])
    rows = stored.reshape(layout.height, stride)[:, : layout.row_bytes]
    return rows if layout.top_down else rows[::-1]


def _paletted(rows: NDArray[np.uint8], data: bytes, layout: Layout) -> NDArray[np.uint8]:
    return look_up(_palette(data, layout), unpacked(rows, layout.bits, layout.width, "<"))


def _palette(data: bytes, layout: Layout) -> NDArray[np.uint8]:
    """Colours u8[256, 3]. Those that the file lacks are black, as elsewhere."""
    place, entries, size = layout.palette
    stored = np.frombuffer(data, np.uint8)[place : place + entries * size]
    if len(stored) < entries * size:
        raise BrokenImage("The BMP file is cut off within its palette. Send the whole file.")
    colors = np.zeros((256, 3), np.uint8)
    colors[:entries] = stored.reshape(entries, size)[:, 2::-1]
    return colors


def _palette_mode(data: bytes, layout: Layout) -> str:
    """What a palette of all greys is called."""
    entries = layout.palette[1]
    greys = np.linspace(0, 255, max(entries, 2)).astype(np.uint8)[:entries]
    if entries == 1 << layout.bits and (_palette(data, layout)[:entries] == greys[:, None]).all():
        return "bitmap" if entries == 2 else "grey" if entries == 256 else "palette"
    return "palette"


def _masked(rows: NDArray[np.uint8], masks: tuple[int, ...], layout: Layout) -> NDArray[np.uint8]:
    """RGB, or RGBA where there is a mask of alpha, u8[h, w, 3 or 4]."""
    used = masks if masks[3] else masks[:3]
    if layout.bits >= 24 and all(
        mask % 0xFF == 0 and (mask // 0xFF).bit_count() == 1 and mask & -mask in _BYTES for mask in used
    ):
        places = [_BYTES[mask & -mask] for mask in used]
        return np.ascontiguousarray(rows.reshape(layout.height, layout.width, -1)[..., places])
    values = np.ascontiguousarray(rows).view("<u2" if layout.bits == 16 else "<u4")
    return np.stack([_channel(values, mask) for mask in used], axis=2)


_BYTES = {1: 0, 1 << 8: 1, 1 << 16: 2, 1 << 24: 3}  # lowest bit -> the byte of a pixel


def _channel(values: NDArray[np.unsignedinteger], mask: int) -> NDArray[np.uint8]:
    """The samples u8 that stand at the mask's bits."""
    shift, bits = (mask & -mask).bit_length() - 1, mask.bit_count()
    found = (values & values.dtype.type(mask)) >> values.dtype.type(shift)
    if bits > _FEW:
        found, bits = found >> values.dtype.type(bits - _FEW), _FEW
    return reduce(found, (1 << bits) - 1)


def _runs(data: bytes, layout: Layout) -> NDArray[np.uint8]:
    """Colours of run lengths, with alpha where some pixels are left out: clear, for the file gives them no colour."""
    index = np.zeros((layout.height, layout.width), np.uint8)
    drawn = np.zeros(index.shape, np.bool_)
    four = layout.compression == bmp.RLE4
    if not unpack(np.frombuffer(data, np.uint8), layout.pixels, four, index, drawn):
        raise BrokenImage("The BMP file is cut off: its runs end before its picture. Send the whole file.")
    if not layout.top_down:
        index, drawn = index[::-1], drawn[::-1]
    colors = look_up(_palette(data, layout), index)
    if drawn.all():
        return colors
    colors[~drawn] = 0
    return np.concatenate([colors, np.where(drawn, 255, 0).astype(np.uint8)[..., None]], axis=2)


def _meaning(data: bytes, layout: Layout) -> tuple[Meaning, list[Step]]:
    if layout.linked:
        said = "The profile that the file names is another file: it was ignored."
        return Meaning(), [Step(step="ignored_profile", detail=said)]
    if layout.profile is not None:
        place, size = layout.profile
        return Meaning(icc=data[place : place + size]), []
    if layout.calibrated is not None:
        return Meaning(gamma=1 / layout.calibrated[8], primaries=layout.calibrated[:8]), []
    return Meaning(), []
