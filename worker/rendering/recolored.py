"""The image in the palette's colours."""

import io
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from shared.contract.results import Note
from shared.formats.bmff import MOST_AVIF_SIDE
from worker.progress import Meter
from worker.rendering.base import Drawn, File
from worker.rendering.painting import Painting
from worker.segmentation import Segmentation

# WebP without loss takes half a second for 20 megapixels and is smaller than with loss: flat areas are what it is for.
_WEBP: dict[str, Any] = {"lossless": True, "quality": 50, "method": 0}
_AVIF: dict[str, Any] = {"quality": 90, "speed": 9, "subsampling": "4:4:4"}
MOST_SIDE = {"webp": 16_383, "avif": MOST_AVIF_SIDE}
"""In pixels: WebP has 14 bits for each, and AVIF's decoders open nothing longer."""


def draw(segmentation: Segmentation, meter: Meter) -> Iterator[Drawn]:
    wanted = segmentation.params.recolor
    made = painting(segmentation, meter)
    name, media_type = f"recolored.{wanted.format}", f"image/{wanted.format}"
    description = "The image in the palette's colours."
    if wanted.format == "png":
        yield File(name, media_type, description, made.png(meter.threads))
    elif max(made.size) > (most := MOST_SIDE[wanted.format]):
        what = {"webp": "WebP ends", "avif": "AVIF's readers end"}[wanted.format]
        yield Note(note="left_out", detail=f"{name} is left out: {what} at {most:,} pixels a side.")
    else:
        yield File(name, media_type, description, _encoded(made.pixels(), wanted.format))


def painting(segmentation: Segmentation, meter: Meter) -> Painting:
    """What is painted over the image, as the parameter `recolor` says."""
    wanted, clusters = segmentation.params.recolor, len(segmentation.palette)
    labels: NDArray[Any] = segmentation.labels
    if wanted.noise == "nearest" and clusters:
        labels = segmentation.without_noise(meter)
    made = Painting(labels, segmentation.picture(meter), segmentation.palette, wanted.noise == "grey")
    return made.dithered(meter) if wanted.dither else made


def _encoded(pixels: NDArray[np.uint8], image_format: str) -> bytes:
    file = io.BytesIO()
    options = _WEBP if image_format == "webp" else _AVIF
    Image.fromarray(pixels).save(file, image_format.upper(), **options)
    return file.getvalue()
