"""TIFF: what its samples mean. How they are stored is the matter of tiff_parts."""

import io

import numpy as np
from numpy.typing import NDArray

from shared.contract.errors import BrokenImage
from shared.contract.results import Step
from shared.formats import Header, tiff
from shared.formats.header import Window
from shared.formats.tiff import Layout
from shared.formats.tiff_directory import first_directory
from worker.decoding import spaces
from worker.decoding.decoded import Decoded, Meaning, Model, ignored_channels, reduced
from worker.decoding.samples import BLOCK, Samples, look_up, reduce
from worker.decoding.tiff_parts import is_jfif, read_samples

_MODELS: dict[int, tuple[Model, str]] = {
    tiff.WHITE_IS_ZERO: ("grey", "grey"),
    tiff.BLACK_IS_ZERO: ("grey", "grey"),
    tiff.RGB: ("rgb", "RGB"),
    tiff.PALETTED: ("rgb", "palette"),
    tiff.CMYK: ("cmyk", "CMYK"),
    tiff.YCBCR: ("rgb", "RGB"),
}


def read(data: bytes, header: Header) -> Decoded:
    directory, _ = first_directory(Window(io.BytesIO(data)), 1)
    layout = tiff.layout(directory)
    samples = _meant(read_samples(data, layout), layout)
    model, mode = _MODELS[layout.photometric]
    if mode == "grey" and layout.bits == 1:
        mode = "bitmap"
    if layout.alpha is not None:
        mode = "RGBA" if mode == "RGB" else f"{mode}+alpha"
    meaning = Meaning(icc=directory.bytes(tiff.PROFILE))
    steps = [] if layout.photometric == tiff.PALETTED else reduced(layout.bits)
    unused = len(layout.extra) - (layout.alpha is not None)
    steps += ignored_channels(unused)
    if meaning.icc is None:
        steps += _undone(layout)
    return Decoded(samples, model, mode, layout.bits, meaning, steps=steps)


def _meant(stored: Samples, layout: Layout) -> NDArray[np.uint8]:
    """Grey, RGB or inks u8[h, w, colours], and 1 more with alpha, of the samples as stored."""
    greatest = (1 << layout.bits) - 1
    colors = stored[..., : layout.colors]
    if layout.photometric == tiff.WHITE_IS_ZERO:
        colors = greatest - colors
    elif layout.photometric == tiff.PALETTED:
        colors = look_up(_palette(layout), colors[..., 0])
    elif layout.photometric == tiff.YCBCR and not _is_rgb_already(layout):
        colors = _rgb(colors, layout)
    seen = np.empty((*colors.shape[:2], colors.shape[2] + (layout.alpha is not None)), np.uint8)
    seen[..., : colors.shape[2]] = colors if layout.photometric == tiff.PALETTED else _reduced(colors, greatest)
    if layout.alpha is None:
        return seen
    alpha = stored[..., layout.alpha]
    seen[..., -1] = _reduced(alpha, greatest)
    if layout.premultiplied and layout.photometric != tiff.PALETTED:
        seen[..., :-1] = _divided_bytes(colors, alpha) if greatest <= 255 else _divided(colors, alpha, greatest)
    return seen


def _reduced(samples: Samples, greatest: int) -> NDArray[np.uint8]:
    return samples.astype(np.uint8, copy=False) if greatest == 255 else reduce(samples, greatest)


def _divided(colors: Samples, alpha: Samples, greatest: int) -> NDArray[np.uint8]:
    """Colours [h, w, n] that were multiplied by alpha [h, w], divided by it; what is clear is black."""
    divided = np.empty(colors.shape, np.uint8)
    for row in range(len(colors)):  # eight bytes a sample: not all rows at once
        divisor = alpha[row].astype(np.uint64)[:, None]
        wide = np.where(divisor == 0, 0, colors[row].astype(np.uint64))
        whole = (wide * greatest + divisor // 2) // np.maximum(divisor, 1)
        divided[row] = reduce(np.minimum(whole, greatest), greatest)
    return divided


def _divided_bytes(colors: Samples, alpha: Samples) -> NDArray[np.uint8]:
    """The same of up to 8 bits: rounded down, as by libtiff and Pillow."""
    divisor, color = np.divmod(np.arange(65536), 256)
    quotients = np.where(divisor == 0, 0, np.minimum(255 * color // np.maximum(divisor, 1), 255)).astype(np.uint8)
    return look_up(quotients, alpha[..., None].astype(np.uint16) << 8 | colors)


def _palette(layout: Layout) -> NDArray[np.uint8]:
    """The colours of a palette, u8[entries, 3]. Old writers give them 8 bits instead of 16, which all viewers know."""
    entries = 1 << layout.bits
    values = layout.directory.numbers(tiff.PALETTE)
    if len(values) < 3 * entries:
        raise BrokenImage("The TIFF file's palette is not whole.")
    colors = np.array(values[: 3 * entries]).reshape(3, entries).T
    return np.ascontiguousarray(colors >> 8 if colors.max() > 255 else colors).astype(np.uint8)


def _is_rgb_already(layout: Layout) -> bool:
    """Whether libjpeg has converted what was YCbCr."""
    return layout.compression == tiff.JPEG and not layout.planar and is_jfif(layout)


def _rgb(stored: Samples, layout: Layout) -> NDArray[np.uint8]:
    """YCbCr u8[h, w, 3] as RGB, by the file's coefficients and range (TIFF 6.0, section 21)."""
    red, green, blue = _three(layout.directory.fractions(tiff.COEFFICIENTS), (0.299, 0.587, 0.114))
    reference = layout.directory.fractions(tiff.REFERENCE)
    low, high = np.array(reference if len(reference) == 6 else (0, 255, 128, 255, 128, 255), np.float32).reshape(3, 2).T
    if (high == low).any() or green == 0:
        raise BrokenImage("The TIFF file's range or coefficients of YCbCr make no sense.")
    scale = np.array((255, 127, 127), np.float32) / (high - low)
    flat = np.ascontiguousarray(stored).reshape(-1, 3)
    colors = np.empty(flat.shape, np.uint8)
    for begin in range(0, len(flat), BLOCK):
        luma, cb, cr = ((flat[begin : begin + BLOCK] - low) * scale).T
        r, b = cr * (2 - 2 * red) + luma, cb * (2 - 2 * blue) + luma
        g = (luma - blue * b - red * r) / green
        colors[begin : begin + BLOCK] = np.rint(np.clip(np.stack([r, g, b], axis=1), 0, 255)).astype(np.uint8)
    return colors.reshape(stored.shape)


def _three(told: tuple[float, ...], usual: tuple[float, float, float]) -> tuple[float, ...]:
    return told if len(told) == 3 else usual


def _undone(layout: Layout) -> list[Step]:
    """What the tags say of RGB's meaning where there is no profile, and nobody follows."""
    told = layout.directory.fractions(tiff.PRIMARIES)
    curved = tiff.TRANSFER in layout.directory and layout.photometric in (tiff.RGB, tiff.PALETTED)
    other = len(told) == 6 and np.abs(np.subtract(told, spaces.SRGB_PRIMARIES[:6])).max() > 0.001
    if not other and not curved:
        return []
    what = (
        "primaries" if other and not curved else "transfer function" if not other else "primaries and transfer function"
    )
    return [Step(step="ignored_profile", detail=f"The file's own {what} (TIFF's tags) were ignored.")]
