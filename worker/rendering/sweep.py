"""An animation through the numbers of clusters that were tried: one frame for each, the original last."""

import io
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from shared.contract.results import EXCLUDED_LABEL, NOISE_LABEL, Note
from worker.progress import Meter
from worker.rendering.base import Drawn, File
from worker.rendering.fonts import font
from worker.segmentation import Segmentation, Tried

LONGEST_SIDE = 800
FRAME_MS, LAST_FRAME_MS = 700, 2500
BAR_SHARE = 0.06  # of the height
OPAQUE_FROM = 128  # GIF knows no half transparency
_TRANSPARENT, _NOISE, _INK, _PAPER = 252, 253, 254, 255
_FIXED = {_NOISE: (128, 128, 128), _INK: (34, 34, 34), _PAPER: (255, 255, 255)}


def sampled(height: int, width: int, longest: int = LONGEST_SIDE) -> NDArray[np.int64]:
    """Raster indices i64[h, w] of the pixels that a frame shows: each of them is shown as it is, none is mixed."""
    scale = min(1.0, longest / max(height, width))
    high, wide = max(round(height * scale), 1), max(round(width * scale), 1)
    rows = ((np.arange(high) + 0.5) * height / high).astype(np.int64)
    columns = ((np.arange(wide) + 0.5) * width / wide).astype(np.int64)
    return rows[:, None] * width + columns


def sweep_gif(
    tried: Sequence[Tried], weights: NDArray[np.int64], index: NDArray[np.int32], original: NDArray[np.uint8]
) -> bytes:
    """An endless GIF. `weights` i64[U] are the colours' pixels; `index` i32[h, w] is the colour of each pixel shown, -1
    where it is left out, and `original` u8[h, w, 3 or 4] the same pixels of the image.

    Below each frame its bar to scale; a cluster keeps its place in it from frame to frame as far as it can.
    """
    frames = []
    order: NDArray[np.int64] | None = None
    for before, now in zip([None, *tried], tried, strict=False):
        order = _order(before, order, now, weights)
        frames.append(_frame(now, order, weights, index))
    frames.append(_last(original))
    file = io.BytesIO()
    durations = [FRAME_MS] * len(tried) + [LAST_FRAME_MS]
    frames[0].save(
        file, "GIF", save_all=True, append_images=frames[1:], duration=durations, loop=0, disposal=2,
        transparency=_TRANSPARENT, optimize=False,
    )  # fmt: skip
    return file.getvalue()


def _order(
    before: Tried | None, order: NDArray[np.int64] | None, now: Tried, weights: NDArray[np.int64]
) -> NDArray[np.int64]:
    """The labels of `now` in the order of its bar: each stands where the one stood that it has most pixels of."""
    count = len(now.palette)
    if before is None or order is None:
        light = now.palette @ np.array([0.299, 0.587, 0.114])
        return np.argsort(light, kind="stable")
    inside = (before.labels >= 0) & (now.labels >= 0)
    cells = before.labels[inside].astype(np.int64) * count + now.labels[inside]
    shared = np.bincount(cells, weights[inside], len(before.palette) * count).reshape(-1, count)
    place = np.empty(len(order))
    place[order] = np.arange(len(order))
    parent = shared.argmax(axis=0)
    # Of the parts of one, the larger stands first.
    return np.lexsort((-shared.sum(axis=0), place[parent]))


def _frame(now: Tried, order: NDArray[np.int64], weights: NDArray[np.int64], index: NDArray[np.int32]) -> Image.Image:
    entry = np.append(np.arange(len(now.palette)), [0, 0]).astype(np.uint8)
    entry[EXCLUDED_LABEL], entry[NOISE_LABEL] = _TRANSPARENT, _NOISE
    labels = np.append(now.labels, EXCLUDED_LABEL)  # the last is for index -1
    picture = entry[labels[index]]
    height, width = picture.shape
    bar = max(round(BAR_SHARE * height), 4)
    shares = np.bincount(now.labels[now.labels >= 0], weights[now.labels >= 0], len(now.palette))[order]
    edges = np.rint(width * np.append(0, np.cumsum(shares)) / weights.sum()).astype(int)
    strip = np.full(width, _NOISE, np.uint8)
    for label, begin, end in zip(order, edges[:-1], edges[1:], strict=True):
        strip[begin:end] = label
    image = Image.fromarray(np.concatenate([picture, np.tile(strip, (bar, 1))]), "P")
    image.putpalette(_palette(now.palette))
    _write(image, str(len(now.palette)), _INK, _PAPER)
    return image


def _last(original: NDArray[np.uint8]) -> Image.Image:
    """The image itself in as many colours as fit, with room below for the bar that it does not have."""
    height, width = original.shape[:2]
    bar = max(round(BAR_SHARE * height), 4)
    reduced = Image.fromarray(np.ascontiguousarray(original[..., :3])).quantize(
        250, Image.Quantize.MEDIANCUT, dither=Image.Dither.FLOYDSTEINBERG
    )
    colors = np.array(reduced.getpalette(), np.uint8).reshape(-1, 3)
    picture = np.asarray(reduced).copy()
    if original.shape[2] == 4:
        picture[original[..., 3] < OPAQUE_FROM] = _TRANSPARENT
    image = Image.fromarray(np.concatenate([picture, np.full((bar, width), _PAPER, np.uint8)]), "P")
    image.putpalette(_palette(colors))
    return image


def _palette(colors: NDArray[np.uint8]) -> list[int]:
    table = np.zeros((256, 3), np.uint8)
    table[: len(colors)] = colors
    for entry, color in _FIXED.items():
        table[entry] = color
    return [int(value) for value in table.reshape(-1)]


def _write(image: Image.Image, text: str, ink: int, paper: int) -> None:
    """The number in the upper left corner, dark on white, large enough for a thumbnail."""
    draw = ImageDraw.Draw(image)
    draw.fontmode = "1"  # no half tones: they would be other palette entries
    size = max(image.height // 12, 12)
    letters = font(size)
    width = draw.textlength(text, letters) + size * 0.8
    draw.rectangle((0, 0, width, size * 1.5), fill=paper)
    draw.text((width / 2, size * 0.75), text, ink, letters, "mm")


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
