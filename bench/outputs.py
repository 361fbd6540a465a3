"""What each output costs beyond the labels, at 20 megapixels: `python -m bench.outputs [FOLDER]`.

Timed is the output's own `draw`, on a segmentation that is ready. Beside it, where it has the same thing, Pillow, fed
with the label map and the palette.
"""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bench import common
from bench.common import Measure, Row, Work, measure, row
from shared.contract.outputs import Recolor
from shared.contract.params import AnyParams, KMeansParams
from shared.formats import Limits
from worker.choice import choose
from worker.clustering import cluster, in_order
from worker.color.selection import count_selected, select
from worker.decoding.decode import decode
from worker.progress import Meter
from worker.rendering.base import File
from worker.rendering.masks import masks
from worker.rendering.painting import Painting
from worker.rendering.recolored import painting
from worker.rendering.registry import output_of
from worker.segmentation import Segmentation, label_pixels
from worker.warmup import warm_up

CLUSTERS = 8
PARAMS = KMeansParams(n_clusters=CLUSTERS)


def segmented(path: Path, params: AnyParams) -> Segmentation:
    """As the pipeline makes it."""
    warm_up()
    raster = decode(path.read_bytes(), Limits())
    colors = count_selected(select(raster, params, None, Meter()), params)
    points = colors.points(params.color_space, params.standardize)
    chosen = choose(points, params, Meter(), frames=True)
    found = in_order(chosen.clustering if chosen else cluster(points, params), points, params)
    selection, tried = (chosen.selection, chosen.tried) if chosen else (None, ())
    labels = label_pixels(colors, found, Meter().threads)
    return Segmentation(params, raster, colors, points, found, labels, selection, tried)


def drawn(path: Path, params: AnyParams, output: str) -> Work:
    """Draw one output; gives the bytes of all its files."""
    segmentation, draw = segmented(path, params), output_of(output)
    return lambda: sum(len(file.data) for file in draw(segmentation, Meter()) if isinstance(file, File))


def pillow_indexed(path: Path) -> Work:
    segmentation = segmented(path, PARAMS)
    labels, palette = segmentation.labels.astype(np.uint8), segmentation.palette

    def work() -> int:
        image = Image.fromarray(labels, "P")
        image.putpalette(palette.tobytes())
        return _bytes_of(image, "PNG", compress_level=1)

    return work


def pillow_masks(path: Path) -> Work:
    labels = segmented(path, PARAMS).labels
    return lambda: sum(
        _bytes_of(Image.fromarray(labels == label), "PNG", compress_level=1) for label in range(CLUSTERS)
    )


def pillow_dithered(path: Path) -> Work:
    """Error diffusion alone: not in linear light, not serpentine, and to an approximate nearest entry."""
    segmentation = segmented(path, PARAMS)
    image = Image.fromarray(segmentation.picture(Meter())[..., :3])
    palette = Image.new("P", (1, 1))
    palette.putpalette(segmentation.palette.tobytes())
    return lambda: image.quantize(CLUSTERS, palette=palette, dither=Image.Dither.FLOYDSTEINBERG).size


def dithered(path: Path) -> Work:
    segmentation = segmented(path, PARAMS)
    plain = painting(segmentation, Meter())
    return lambda: plain.dithered(Meter()).size


def pillow_encoded(path: Path, image_format: str) -> Work:
    segmentation = segmented(path, PARAMS)
    pixels = Painting(segmentation.labels, segmentation.picture(Meter()), segmentation.palette).pixels()
    return lambda: _bytes_of(Image.fromarray(pixels), image_format, quality=90)


def all_masks(path: Path) -> Work:
    labels: NDArray[Any] = segmented(path, PARAMS).labels
    return lambda: sum(len(mask) for mask in masks(labels, CLUSTERS, Meter().threads))


def _bytes_of(image: Image.Image, image_format: str, **options: Any) -> int:
    file = io.BytesIO()
    image.save(file, image_format, **options)
    return len(file.getvalue())


def rows(images: Path) -> Iterator[Row]:
    photo = images / "kleiber_20mp.jpg"

    def recolored(**recolor: Any) -> Measure:
        return measure(drawn, photo, KMeansParams(n_clusters=CLUSTERS, recolor=Recolor(**recolor)), "recolored")

    def sizes(ours: Measure, theirs: Measure) -> str:
        return f"{ours.value / 1e6:.2f} MB, the peer's {theirs.value / 1e6:.2f}"

    ours, theirs = recolored(), measure(pillow_indexed, photo)
    yield row("recolored.png", ours, "Pillow, level 1", theirs, "0.4 s", sizes(ours, theirs))
    ours, theirs = measure(all_masks, photo), measure(pillow_masks, photo)
    yield row("masks of 8 clusters", ours, "Pillow, level 1", theirs, "0.5 s", sizes(ours, theirs))
    ours, theirs = measure(dithered, photo), measure(pillow_dithered, photo)
    cpu = f"{ours.cpu_seconds:.2f} s of processor time, the peer's {theirs.cpu_seconds:.2f}"
    yield row("dithering alone, 8 colours", ours, "Pillow", theirs, "1 s", cpu)
    yield _alone("recolored.png, dithered", recolored(dither=True))
    for image_format in ("webp", "avif"):
        ours, theirs = recolored(format=image_format), measure(pillow_encoded, photo, image_format.upper())
        yield row(f"recolored.{image_format}", ours, "Pillow, its speed", theirs, "", sizes(ours, theirs))
    for output in ("side_by_side", "card", "points", "scatter"):
        yield _alone(output, measure(drawn, photo, PARAMS, output))
    for path in (images / "fruits.png", photo):
        swept = KMeansParams.model_validate({"n_clusters": {"min": 2, "max": 15}})
        yield _alone(f"sweep of k = 2..15, {path.name}", measure(drawn, path, swept, "sweep"), "4 MB")


def _alone(case: str, ours: Measure, aim: str = "") -> Row:
    return Row(case, ours.seconds, huemill_peak_mb=ours.peak_mb, aim=aim, note=f"{ours.value / 1e6:.2f} MB")


if __name__ == "__main__":
    common.main(rows)
