"""Draw the documents' pictures: `python -m bench.pictures [FOLDER OF IMAGES]`.

    docs/images/result.png          the label map and the palette of scikit-learn's china.jpg, KMeans with 8 clusters
    docs/images/palettes/NAME.png   each image of the folder: four label maps, four palettes, default parameters

No photograph is in the pictures: a label map shows each pixel in its cluster's colour.
"""

import io
import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from sklearn.datasets import load_sample_images

from shared.contract.params import MODELS, AnyParams, KMeansParams
from shared.contract.results import LABELS_PNG, ClusterResult
from shared.formats import Limits
from worker import pipeline

IMAGES = Path(__file__).resolve().parent.parent / "docs" / "images"
LIMITS = Limits()
BAR_HEIGHT = 46
FINDING = ("kmeans", "hdbscan", "optics", "agglomerative")
NOISE_COLOR = (128, 128, 128)


def run(data: bytes, params: AnyParams) -> tuple[ClusterResult, Image.Image]:
    """The result, and its label map as a picture on white."""
    outcome = pipeline.run(data, params, lambda stage, fraction: True, limits=LIMITS)
    labels = Image.open(io.BytesIO(outcome.files[LABELS_PNG])).convert("RGBA")
    canvas = Image.new("RGBA", labels.size, "white")
    canvas.alpha_composite(labels)
    return outcome.result, canvas.convert("RGB")


def palette_bar(result: ClusterResult, width: int, height: int, *, captions: bool = False) -> Image.Image:
    """The clusters' colours side by side, as wide as their shares; noise is the grey at the end."""
    bar = Image.new("RGB", (width, height), NOISE_COLOR)
    draw = ImageDraw.Draw(bar)
    edges = np.rint(np.cumsum([0.0, *result.proportions]) * width).astype(int)
    for entry, begin, end in zip(result.palette, edges[:-1], edges[1:], strict=True):
        draw.rectangle((begin, 0, end - 1, height), fill=entry.hex)
        if captions and end - begin >= 58:
            ink = "black" if sum(entry.rgb) > 382 else "white"
            text = f"{entry.hex}\n{100 * entry.proportion:.1f} %"
            draw.multiline_text((begin + 6, 8), text, fill=ink, font=ImageFont.load_default(13))
    return bar


def result_picture() -> Image.Image:
    """The README's picture."""
    buffer = io.BytesIO()
    Image.fromarray(load_sample_images().images[0]).save(buffer, "PNG")
    result, labels = run(buffer.getvalue(), KMeansParams(n_clusters=8))
    picture = Image.new("RGB", (labels.width, labels.height + BAR_HEIGHT))
    picture.paste(labels, (0, 0))
    picture.paste(palette_bar(result, labels.width, BAR_HEIGHT, captions=True), (0, labels.height))
    return picture


def four_palettes(path: Path, width: int = 210) -> Image.Image:
    """An image's four label maps above their palettes, at default parameters."""
    columns = []
    for name in FINDING:
        result, labels = run(path.read_bytes(), MODELS[name]())
        noise = f", {100 * result.noise.proportion:.0f} % noise" if result.noise.pixels else ""
        height = round(labels.height * width / labels.width)
        column = Image.new("RGB", (width, height + 54), "white")
        column.paste(labels.resize((width, height), Image.Resampling.LANCZOS), (0, 22))
        column.paste(palette_bar(result, width, 26), (0, height + 28))
        caption = f"{name}: {len(result.palette)}{noise}"
        ImageDraw.Draw(column).text((2, 2), caption, fill="black", font=ImageFont.load_default(13))
        columns.append(column)
        print(f"{path.name:24} {caption}", flush=True)
    picture = Image.new("RGB", ((width + 8) * len(columns) - 8, columns[0].height), "white")
    for place, column in enumerate(columns):
        picture.paste(column, (place * (width + 8), 0))
    return picture


def main(folder: Path) -> None:
    (IMAGES / "palettes").mkdir(parents=True, exist_ok=True)
    result_picture().save(IMAGES / "result.png", optimize=True)
    for path in sorted([*folder.glob("*.png"), *folder.glob("*.jpg")]):
        # 128 colours are enough for the eye, and a third of the size.
        four_palettes(path).quantize(128, dither=Image.Dither.NONE).save(
            IMAGES / "palettes" / f"{path.stem}.png", optimize=True
        )


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("../shared/images"))
