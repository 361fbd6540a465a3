"""Draw how colours rank by accent: `python -m bench.accents [FOLDER OF IMAGES]` writes docs/images/accents.png.

A row for each image: its label map by KMeans with 12 clusters, then the colours of 8 and of 12 clusters, those that
stand out first, with accent and share. No photograph is in the picture.
"""

import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from bench.common import IMAGES
from bench.pictures import IMAGES as PICTURES
from shared.contract.params import KMeansParams
from worker.clustering import cluster
from worker.color.counting import count_colors
from worker.color.spaces import centers_to_srgb
from worker.quality.accent import accents

NUMBERS = (8, 12)
MAP, SWATCH, GAP = (132, 92), (58, 44), 4


def row(path: Path) -> Image.Image:
    colors = count_colors(np.asarray(Image.open(path).convert("RGB")))
    points = colors.points()
    picture = Image.new("RGB", (MAP[0] + 8 + NUMBERS[-1] * SWATCH[0], MAP[1] + 18), "white")
    draw = ImageDraw.Draw(picture)
    draw.text((0, 0), path.stem, fill="black", font=ImageFont.load_default(12))
    for place, number in enumerate(NUMBERS):
        found = cluster(points, KMeansParams(n_clusters=number))
        palette = np.rint(centers_to_srgb(points, found.centers)).astype(np.uint8)
        shares = found.sums(points.weights) / points.pixels
        draw_swatches(draw, MAP[0] + 8, 16 + place * (SWATCH[1] + GAP), palette, shares)
    labels = Image.fromarray(palette[colors.label_map(found.labels)])
    labels.thumbnail(MAP, Image.Resampling.LANCZOS)
    picture.paste(labels, (0, 16))
    return picture


def draw_swatches(
    draw: ImageDraw.ImageDraw, left: int, top: int, palette: NDArray[np.uint8], shares: NDArray[np.float64]
) -> None:
    """A swatch for each colour, in falling accent."""
    found = accents(palette, shares)
    for place, color in enumerate(np.argsort(-found, kind="stable").tolist()):
        x = left + place * SWATCH[0]
        draw.rectangle((x, top, x + SWATCH[0] - GAP, top + SWATCH[1]), fill=tuple(palette[color].tolist()))
        ink = "black" if palette[color] @ (299, 587, 114) > 128_000 else "white"
        text = f"{found[color]:.2f}\n{100 * shares[color]:.1f} %"
        draw.multiline_text((x + 5, top + 6), text, fill=ink, font=ImageFont.load_default(12))


def main(folder: Path) -> None:
    rows = [row(path) for path in sorted([*folder.glob("*.png"), *folder.glob("*.jpg")])]
    sheet = Image.new("RGB", (rows[0].width, sum(each.height for each in rows)), "white")
    for place, each in enumerate(rows):
        sheet.paste(each, (0, place * each.height))
    sheet.quantize(200, dither=Image.Dither.NONE).save(PICTURES / "accents.png", optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else IMAGES)
