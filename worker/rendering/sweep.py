"""An animation through the numbers of clusters that were tried: one frame for each, the original last."""

import io
import math
from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from shared.contract.results import EXCLUDED_LABEL, NOISE_LABEL, Note
from worker.progress import Meter
from worker.rendering.base import Drawn, File
from worker.rendering.fonts import font
from worker.rendering.painting import Painting
from worker.segmentation import Segmentation, Tried

LONGEST_SIDE = 800
ENLARGED_TO, LEAST_SIDE = 240, 48  # what is smaller is shown with its pixels as squares, or stretched
MOST_BYTES = 4_000_000
FRAME_MS, LAST_FRAME_MS = 700, 2500
BAR_SHARE, LEAST_BAR, GAP = 0.06, 8, 2  # the bar's part of the height, and pixels
OPAQUE_FROM = 128  # GIF knows no half transparency
MOST_COLORS = 250
_TRANSPARENT, _NOISE, _INK, _PAPER = 252, 253, 254, 255
_FIXED = {_NOISE: (128, 128, 128), _INK: (34, 34, 34), _PAPER: (255, 255, 255)}
_LUMA = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601

Pixels = NDArray[np.uint8]


def sampled(height: int, width: int, longest: int = LONGEST_SIDE) -> NDArray[np.int64]:
    """Raster indices i64[h, w] of the pixels that a frame shows: each of them is shown as it is, none is mixed."""
    side = max(height, width)
    scale = max(min(1.0, longest / side), ENLARGED_TO // side)
    high, wide = (max(round(length * scale), LEAST_SIDE) for length in (height, width))
    rows = ((np.arange(high) + 0.5) * height / high).astype(np.int64)
    columns = ((np.arange(wide) + 0.5) * width / wide).astype(np.int64)
    return rows[:, None] * width + columns


def sweep_gif(tried: Sequence[Tried], weights: NDArray[np.int64], index: NDArray[np.int32], original: Pixels) -> bytes:
    """An endless GIF. `weights` i64[U] are the colours' pixels; `index` i32[h, w] is the colour of each pixel shown, -1
    where it is left out, and `original` u8[h, w, 3 or 4] the same pixels of the image.

    Below each frame its bar to scale; a cluster keeps its place in it from frame to frame as far as it can. Frames are
    made smaller where the file would have more than MOST_BYTES.
    """
    orders = _orders(tried, weights)
    while True:
        frames = [_frame(now, order, weights, index) for now, order in zip(tried, orders, strict=True)]
        made = _gif([*frames, _last(original)])
        height, width = index.shape
        longest = math.floor(0.95 * math.sqrt(MOST_BYTES / len(made)) * max(height, width))
        if len(made) <= MOST_BYTES or longest < ENLARGED_TO:
            return made
        at = sampled(height, width, longest)
        index, original = index.reshape(-1)[at], original.reshape(-1, original.shape[2])[at]


def _gif(frames: Sequence[Image.Image]) -> bytes:
    file = io.BytesIO()
    durations = [FRAME_MS] * (len(frames) - 1) + [LAST_FRAME_MS]
    frames[0].save(
        file, "GIF", save_all=True, append_images=frames[1:], duration=durations, loop=0, disposal=2,
        transparency=_TRANSPARENT, optimize=False,
    )  # fmt: skip
    return file.getvalue()


def _orders(tried: Sequence[Tried], weights: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """The labels of each number tried in the order of its bar: the first by lightness, others as those before them."""
    orders = [np.argsort(tried[0].palette @ _LUMA, kind="stable")]
    for before, now in pairwise(tried):
        orders.append(_order(before, orders[-1], now, weights))
    return orders


def _order(before: Tried, order: NDArray[np.int64], now: Tried, weights: NDArray[np.int64]) -> NDArray[np.int64]:
    """The labels of `now`: each stands where the one stood that it has most pixels of."""
    count = len(now.palette)
    inside = (before.labels >= 0) & (now.labels >= 0)
    cells = before.labels[inside].astype(np.int64) * count + now.labels[inside]
    shared = np.bincount(cells, weights[inside], len(before.palette) * count).reshape(-1, count)
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    # Of the parts of one, the larger stands first.
    return np.lexsort((-shared.sum(axis=0), place[shared.argmax(axis=0)]))


def _frame(now: Tried, order: NDArray[np.int64], weights: NDArray[np.int64], index: NDArray[np.int32]) -> Image.Image:
    entry = np.append(np.arange(len(now.palette)), [0, 0]).astype(np.uint8)
    entry[EXCLUDED_LABEL], entry[NOISE_LABEL] = _TRANSPARENT, _NOISE
    labels = np.append(now.labels, EXCLUDED_LABEL)  # the last is for index -1
    inside = now.labels >= 0
    shares = np.bincount(now.labels[inside], weights[inside], len(now.palette))[order] / weights.sum()
    width = index.shape[1]
    edges = np.rint(width * np.append(0, np.cumsum(shares))).astype(int)
    strip = np.full(width, _NOISE, np.uint8)
    for label, (begin, end) in zip(order, pairwise(edges), strict=True):
        strip[begin:end] = label
    image = _with_strip(entry[labels[index]], strip, now.palette)
    _write(image, str(now.number))
    return image


def _last(original: Pixels) -> Image.Image:
    """The image itself in as many colours as fit, mixed, with room below for the bar that it does not have."""
    shown = np.ones(original.shape[:2], np.bool_) if original.shape[2] == 3 else original[..., 3] >= OPAQUE_FROM
    visible = original[..., :3][shown].reshape(1, -1, 3)
    if not visible.size:
        visible = np.zeros((1, 1, 3), np.uint8)
    reduced = Image.fromarray(visible).quantize(MOST_COLORS, Image.Quantize.MEDIANCUT)
    colors = np.array(reduced.getpalette(), np.uint8).reshape(-1, 3)[:MOST_COLORS]
    labels = np.where(shown, 0, EXCLUDED_LABEL).astype(np.int16)
    mixed = Painting(labels, original, colors).dithered(Meter(threads=1)).labels
    picture = np.where(mixed < 0, _TRANSPARENT, mixed).astype(np.uint8)
    return _with_strip(picture, np.full(original.shape[1], _PAPER, np.uint8), colors)


def _with_strip(picture: Pixels, strip: Pixels, colors: Pixels) -> Image.Image:
    """The picture u8[h, w] with the strip u8[w] below it, as palette entries: `colors` u8[n, 3] and the fixed ones."""
    height, width = picture.shape
    bar = max(round(BAR_SHARE * height), LEAST_BAR)
    gap = np.full((GAP, width), _PAPER, np.uint8)
    image = Image.fromarray(np.concatenate([picture, gap, np.tile(strip, (bar, 1))]), "P")
    table = np.zeros((256, 3), np.uint8)
    table[: len(colors)] = colors
    for entry, color in _FIXED.items():
        table[entry] = color
    image.putpalette(table.tobytes())
    return image


def _write(image: Image.Image, text: str) -> None:
    """The number in the upper left corner, dark on white, large enough for a thumbnail."""
    draw = ImageDraw.Draw(image)
    draw.fontmode = "1"  # no half tones: they would be other palette entries
    size = max(min(image.height, image.width) // 12, 16)
    letters = font(size)
    width = draw.textlength(text, letters) + size * 0.8
    draw.rectangle((0, 0, width, size * 1.5), fill=_PAPER)
    draw.text((width / 2, size * 0.75), text, _INK, letters, "mm")


def draw(segmentation: Segmentation, meter: Meter) -> Iterator[Drawn]:
    if not segmentation.tried:
        yield Note(
            note="left_out", detail="There is no animation: the number of clusters was not chosen among several."
        )
        return
    height, width = segmentation.labels.shape
    shown = sampled(height, width)
    picture = segmentation.picture(meter)
    original = picture.reshape(-1, picture.shape[2])[shown]
    index = segmentation.colors.index[shown]
    frames = sweep_gif(segmentation.tried, segmentation.colors.counts, index, original)
    yield File("sweep.gif", "image/gif", "The image in each number of colours that was tried, then as it is.", frames)
