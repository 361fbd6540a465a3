"""Image bytes -> Raster: upright, sRGB, 8 bits, the first frame.

shared.formats.read_header    the limits, before anything is decoded
codecs                        bytes -> Decoded: samples as the file has them, with what it says of their meaning
color                         samples -> sRGB
orientation                   sRGB -> upright
"""

import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shared.contract.errors import BrokenImage
from shared.contract.results import FoundImage, Step
from shared.formats import Header, Limits, read_header
from worker.decoding import orientation
from worker.decoding.codecs import CODECS
from worker.decoding.color import as_srgb
from worker.decoding.threads import limit_threads


@dataclass(frozen=True)
class Raster:
    """An image as it is seen: upright, sRGB, its first frame."""

    pixels: NDArray[np.uint8]  # [h, w, 3], or [h, w, 4] with alpha
    found: FoundImage

    @property
    def height(self) -> int:
        return int(self.pixels.shape[0])

    @property
    def width(self) -> int:
        return int(self.pixels.shape[1])


def decode(data: bytes, limits: Limits, threads: int | None = None) -> Raster:
    """The first frame of an image file, as a person sees it.

    Raises UnsupportedImage for a format or mode that is not read, ImageTooLarge before any pixel is decoded, and
    BrokenImage for data that are damaged or cut off: never half a picture. Whatever else comes is a defect of ours.
    """
    header = read_header(io.BytesIO(data), limits)
    limit_threads(threads)
    decoded = CODECS[header.format](data, header)
    height, width = decoded.samples.shape[:2]
    if (width, height) != (header.upright if decoded.upright else header.size):
        raise BrokenImage(
            f"The {header.format} header says {header.width} x {header.height} pixels, its data {width} x {height}."
        )
    seen = as_srgb(decoded)
    pixels = seen.pixels if decoded.upright else orientation.turned(seen.pixels, header.orientation)
    found = FoundImage(
        format=header.format,
        mode=decoded.mode,
        bits=decoded.bits,
        frames=header.frames,
        orientation=header.orientation,
        profile=seen.profile,
        steps=[*decoded.steps, *_first_of(header), *seen.steps, *orientation.told(header.orientation)],
    )
    return Raster(pixels, found)


def _first_of(header: Header) -> list[Step]:
    if header.frames == 1:
        return []
    return [Step(step="took_first_frame", detail=f"The file has {header.frames:,} frames or pages.")]
