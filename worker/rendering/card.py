"""The card: a picture and its palette on 1200 x 630 pixels, to be pasted into slides and shared."""

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from shared.contract.hex_color import hex_of_rgb
from worker.progress import Meter
from worker.rendering.base import Drawn, File
from worker.rendering.fonts import font
from worker.segmentation import Segmentation

WIDTH, HEIGHT, MARGIN = 1200, 630, 36
BAR_HEIGHT, FOOTER_HEIGHT = 64, 34
PAPER, INK, QUIET, BEHIND = "#ffffff", "#222222", "#666666", "#777777"
CHECKERS, CHECKER_SIZE = ((255, 255, 255), (204, 204, 204)), 12
HATCH = ((128, 128, 128), (176, 176, 176))
MOST_ROWS = 24
ROWS_A_COLUMN = 12
LEAST_SIDE = 24  # a picture of 1 x 5000 is shown so wide
Box = tuple[int, int, int, int]  # left, top, right, bottom; the last two are outside


@dataclass(frozen=True)
class Swatch:
    """A colour as the card shows it."""

    hex: str
    text: str  # black or white, as hex: what is legible on it
    name: str
    proportion: float


def card(pixels: NDArray[np.uint8], swatches: Sequence[Swatch], noise: float, caption: str) -> bytes:
    """A PNG of the picture u8[h, w, 3 or 4], the bar to scale, and the largest colours in rows.

    `noise` is the share of the pixels without a cluster, hatched in the bar; `caption` is the small line.
    """
    sheet = Image.new("RGB", (WIDTH, HEIGHT), PAPER)
    draw = ImageDraw.Draw(sheet)
    rows = _rows(swatches, noise)
    wide = pixels.shape[1] > 2.2 * pixels.shape[0]
    columns = -(-len(rows) // ROWS_A_COLUMN) if not wide else 3
    bar_top = HEIGHT - FOOTER_HEIGHT - BAR_HEIGHT
    if wide:
        picture: Box = (0, 0, WIDTH, 190)
        table: Box = (MARGIN, 190 + 20, WIDTH - MARGIN, bar_top - 12)
    else:
        picture = (0, 0, 620 if columns < 2 else 440, bar_top)
        table = (picture[2] + MARGIN, 26, WIDTH - MARGIN, bar_top - 16)
    _show(sheet, pixels, picture)
    _bar(sheet, draw, swatches, noise, (0, bar_top, WIDTH, bar_top + BAR_HEIGHT))
    _table(sheet, draw, rows, columns, table)
    draw.text((MARGIN, HEIGHT - FOOTER_HEIGHT / 2), caption, QUIET, font(17), "lm")
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
    most = MOST_ROWS - (noise > 0)
    shown = swatches if len(swatches) <= most else swatches[: most - 1]
    rows = [_Row(swatch, swatch.name, swatch.proportion) for swatch in shown]
    rest = swatches[len(shown) :]
    if rest:
        rows.append(_Row(None, f"{len(rest):,} more", sum(swatch.proportion for swatch in rest)))
    if noise > 0:
        rows.append(_Row(None, "noise", noise, hatched=True))
    return rows


def _show(sheet: Image.Image, pixels: NDArray[np.uint8], box: Box) -> None:
    """The picture, as large as it fits, in the middle of a neutral grey; tiny ones with pixels to be seen."""
    left, top, right, bottom = box
    ImageDraw.Draw(sheet).rectangle((left, top, right - 1, bottom - 1), BEHIND)
    height, width = pixels.shape[:2]
    scale = min((right - left) / width, (bottom - top) / height)
    size = tuple(
        min(max(round(side * scale), LEAST_SIDE), room)
        for side, room in ((width, right - left), (height, bottom - top))
    )
    image = Image.fromarray(pixels)
    how = Image.Resampling.NEAREST if scale > 1 else Image.Resampling.BOX
    thumbnail = image.resize((size[0], size[1]), how, reducing_gap=None)
    place = (left + (right - left - size[0]) // 2, top + (bottom - top - size[1]) // 2)
    if image.mode == "RGBA":
        sheet.paste(_checkerboard((size[0], size[1])), place)
        sheet.paste(thumbnail, place, thumbnail)
    else:
        sheet.paste(thumbnail, place)


def _checkerboard(size: tuple[int, int]) -> Image.Image:
    y, x = np.ogrid[: size[1], : size[0]]
    return Image.fromarray(np.array(CHECKERS, np.uint8)[(y // CHECKER_SIZE + x // CHECKER_SIZE) % 2])


def hatching(width: int, height: int) -> Image.Image:
    """What stands for noise: diagonal stripes of two greys."""
    y, x = np.ogrid[:height, :width]
    return Image.fromarray(np.array(HATCH, np.uint8)[((x + y) // 6 % 2)])


def _bar(sheet: Image.Image, draw: ImageDraw.ImageDraw, swatches: Sequence[Swatch], noise: float, box: Box) -> None:
    """All colours side by side, as wide as their shares, without a gap; noise at the end."""
    left, top, right, bottom = box
    edges = np.rint(left + (right - left) * np.cumsum([0.0, *(swatch.proportion for swatch in swatches)])).astype(int)
    for swatch, begin, end in zip(swatches, edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        if end > begin:
            draw.rectangle((begin, top, end - 1, bottom - 1), swatch.hex)
    if noise > 0 and edges[-1] < right:
        sheet.paste(hatching(right - int(edges[-1]), bottom - top), (int(edges[-1]), top))


def _table(sheet: Image.Image, draw: ImageDraw.ImageDraw, rows: Sequence[_Row], columns: int, box: Box) -> None:
    """Swatch with its hex code, name, share: filled column by column."""
    left, top, right, bottom = box
    a_column = max(-(-len(rows) // columns), 1)
    gap = 28
    width = (right - left - gap * (columns - 1)) // columns
    step = min(72, (bottom - top) // a_column)
    size = min(26 if columns < 2 else 19, step * 5 // 9)
    letters, mono = font(size), font(size - 1, "DejaVuSansMono")
    patch = round(mono.getlength("#000000")) + 20
    for number, row in enumerate(rows):
        x, y = left + (width + gap) * (number // a_column), top + step * (number % a_column)
        middle = y + step / 2
        if row.swatch is not None:
            # They touch each other: gaps would change how the colours look.
            draw.rectangle((x, y, x + patch - 1, y + step - 1), row.swatch.hex)
            draw.text((x + patch / 2, middle), row.swatch.hex, row.swatch.text, mono, "mm")
        elif row.hatched:
            sheet.paste(hatching(patch, step), (x, y))
        share = share_text(row.proportion)
        room = width - patch - 14 - letters.getlength(share) - 12
        draw.text((x + patch + 14, middle), shortened(row.text, letters, room), INK, letters, "lm")
        draw.text((x + width, middle), share, INK, letters, "rm")


def share_text(proportion: float) -> str:
    """A share as a person reads it: one decimal, and what is smaller in words."""
    return "< 0.1 %" if 0 < proportion < 0.001 else f"{100 * proportion:.1f} %"


def shortened(text: str, letters: ImageFont.FreeTypeFont, room: float) -> str:
    """The text, cut so that it is no wider than `room` pixels."""
    if letters.getlength(text) <= room:
        return text
    while text and letters.getlength(text + "…") > room:
        text = text[:-1]
    return text.rstrip() + "…"


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
    picture = card(segmentation.picture(meter), swatches, noise, caption)
    yield File("card.png", "image/png", "The image with its palette: colours, names and shares.", picture)
