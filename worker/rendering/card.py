"""The card: a picture and its palette on 1200 x 630 pixels, to be pasted into slides and shared."""

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from shared.contract.hex_color import hex_of_rgb
from worker.progress import Meter
from worker.rendering.base import Drawn, File
from worker.rendering.fonts import MONO, font, shortened
from worker.rendering.thumbnail import Box, show
from worker.rendering.words import share_text
from worker.segmentation import Segmentation

WIDTH, HEIGHT, MARGIN = 1200, 630, 36
BAR_HEIGHT, FOOTER_HEIGHT = 64, 34
BAR_TOP = HEIGHT - FOOTER_HEIGHT - BAR_HEIGHT
BAND_HEIGHT = 190  # of a wide picture, which stands above its colours
PAPER, INK, QUIET, HAIRLINE = "#ffffff", "#222222", "#666666", "#cccccc"
HATCH = ((128, 128, 128), (176, 176, 176))
MOST_COLORS = 24
ROWS_A_COLUMN = 13  # twelve colours and the noise
TALLEST_ROW, LARGEST_LETTERS, SMALLEST_LETTERS = 164, 28, 15
GAP, AFTER_PATCH, BEFORE_SHARE = 28, 14, 12


@dataclass(frozen=True)
class Swatch:
    """A colour as the card shows it."""

    hex: str
    text: str  # black or white, as hex: what is legible on it
    name: str
    proportion: float


def card(
    pixels: NDArray[np.uint8], swatches: Sequence[Swatch], noise: float, caption: str, meter: Meter | None = None
) -> bytes:
    """A PNG of the picture u8[h, w, 3 or 4], the bar to scale, and the largest colours in rows.

    `noise` is the share of the pixels without a cluster, hatched in the bar; `caption` is the small line.
    """
    sheet = Image.new("RGB", (WIDTH, HEIGHT), PAPER)
    rows = _rows(swatches, noise)
    picture, table, columns = _boxes(pixels.shape[1] / pixels.shape[0], len(rows))
    show(sheet, pixels, picture, meter or Meter())
    _bar(sheet, swatches, noise, (0, BAR_TOP, WIDTH, BAR_TOP + BAR_HEIGHT))
    _table(sheet, rows, columns, table)
    ImageDraw.Draw(sheet).text((MARGIN, HEIGHT - FOOTER_HEIGHT / 2), caption, QUIET, font(17), "lm")
    file = io.BytesIO()
    sheet.save(file, "PNG", optimize=False, compress_level=6)
    return file.getvalue()


@dataclass(frozen=True)
class _Row:
    swatch: Swatch | None
    text: str
    proportion: float
    hatched: bool = False


def _rows(swatches: Sequence[Swatch], noise: float) -> list[_Row]:
    """A row for each of the largest colours, then the rest and the noise, where there are any."""
    shown = swatches if len(swatches) <= MOST_COLORS else swatches[: MOST_COLORS - 1]
    rows = [_Row(swatch, swatch.name, swatch.proportion) for swatch in shown]
    rest = swatches[len(shown) :]
    if rest:
        rows.append(_Row(None, f"{len(rest):,} more", sum(swatch.proportion for swatch in rest)))
    if noise > 0:
        rows.append(_Row(None, "noise", noise, hatched=True))
    return rows


def _boxes(aspect: float, rows: int) -> tuple[Box, Box, int]:
    """Where the picture and the table stand, and in how many columns the table has its rows."""
    if aspect > 2.2:
        return (0, 0, WIDTH, BAND_HEIGHT), (MARGIN, BAND_HEIGHT + 20, WIDTH - MARGIN, BAR_TOP - 14), 3
    columns = 1 if rows <= ROWS_A_COLUMN else 2
    # As wide as the picture would like, as long as there is room for names beside it.
    right = min(max(round(BAR_TOP * aspect), 400), 400 if columns == 2 else 640)
    return (0, 0, right, BAR_TOP), (right + MARGIN, 24, WIDTH - MARGIN, BAR_TOP - 18), columns


def hatching(width: int, height: int) -> Image.Image:
    """What stands for noise: diagonal stripes of two greys."""
    y, x = np.ogrid[:height, :width]
    return Image.fromarray(np.array(HATCH, np.uint8)[((x + y) // 6 % 2)])


def _bar(sheet: Image.Image, swatches: Sequence[Swatch], noise: float, box: Box) -> None:
    """All colours side by side, as wide as their shares, without a gap; noise at the end."""
    left, top, right, bottom = box
    draw = ImageDraw.Draw(sheet)
    draw.line((left, bottom, right, bottom), HAIRLINE)  # else white ones would end nowhere
    edges = np.rint(left + (right - left) * np.cumsum([0.0, *(swatch.proportion for swatch in swatches)])).astype(int)
    for swatch, begin, end in zip(swatches, edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        if end > begin:
            draw.rectangle((begin, top, end - 1, bottom - 1), swatch.hex)
    if noise > 0 and edges[-1] < right:
        sheet.paste(hatching(right - int(edges[-1]), bottom - top), (int(edges[-1]), top))


def _table(sheet: Image.Image, rows: Sequence[_Row], columns: int, box: Box) -> None:
    """Swatch with its hex code, name, share: filled column by column, in letters in which all names have room."""
    left, top, right, bottom = box
    a_column = max(-(-len(rows) // columns), 1)
    width = (right - left - GAP * (columns - 1)) // columns
    step = min(TALLEST_ROW, (bottom - top) // a_column)
    tallest = min(LARGEST_LETTERS, step * 5 // 9)
    sizes = range(tallest, SMALLEST_LETTERS, -1)
    size = next((size for size in sizes if all(_fits(row, size, width) for row in rows)), SMALLEST_LETTERS)
    places = [(left + (width + GAP) * (i // a_column), top + step * (i % a_column)) for i in range(len(rows))]
    # A hairline around all swatches first: they touch each other, since gaps would change how they look.
    for row, (x, y) in zip(rows, places, strict=True):
        if row.swatch is not None or row.hatched:
            ImageDraw.Draw(sheet).rectangle((x - 1, y - 1, x + _patch_width(size), y + step), HAIRLINE)
    for row, place in zip(rows, places, strict=True):
        _draw_row(sheet, row, place, (width, step), size)


def _patch_width(size: int) -> int:
    return round(font(size - 1, MONO).getlength("#000000")) + 20


def _fits(row: _Row, size: int, width: int) -> bool:
    return font(size).getlength(row.text) <= _room_for_name(row, size, width)


def _room_for_name(row: _Row, size: int, width: int) -> float:
    return width - _patch_width(size) - AFTER_PATCH - BEFORE_SHARE - font(size).getlength(share_text(row.proportion))


def _draw_row(sheet: Image.Image, row: _Row, place: tuple[int, int], extent: tuple[int, int], size: int) -> None:
    """A row of `extent` (width, height) at `place`."""
    draw = ImageDraw.Draw(sheet)
    (x, y), (width, step) = place, extent
    patch, middle = _patch_width(size), y + step / 2
    if row.swatch is not None:
        draw.rectangle((x, y, x + patch - 1, y + step - 1), row.swatch.hex)
        draw.text((x + patch / 2, middle), row.swatch.hex, row.swatch.text, font(size - 1, MONO), "mm")
    elif row.hatched:
        sheet.paste(hatching(patch, step), (x, y))
    name = shortened(row.text, font(size), _room_for_name(row, size, width))
    draw.text((x + patch + AFTER_PATCH, middle), name, INK, font(size), "lm")
    draw.text((x + width, middle), share_text(row.proportion), INK, font(size), "rm")


_METHODS = {
    "kmeans": "KMeans",
    "hdbscan": "HDBSCAN",
    "optics": "OPTICS",
    "agglomerative": "Agglomerative",
    "assign": "Given colours",
}


def draw(segmentation: Segmentation, meter: Meter) -> Iterator[Drawn]:
    swatches = [
        Swatch(hex_of_rgb((rgb[0], rgb[1], rgb[2])), text, named.name, share)
        for rgb, text, named, share in zip(
            segmentation.palette.tolist(),
            segmentation.texts,
            segmentation.names,
            segmentation.shares.tolist(),
            strict=True,
        )
    ]
    count, params = len(swatches), segmentation.params
    method = _METHODS.get(params.algorithm, params.algorithm)
    caption = f"{method} · {count:,} colour{'' if count == 1 else 's'} · {params.color_space}"
    noise = (segmentation.points.pixels - int(segmentation.weights.sum())) / segmentation.points.pixels
    picture = card(segmentation.picture(meter), swatches, noise, caption, meter)
    yield File("card.png", "image/png", "The image with its palette: colours, names and shares.", picture)
