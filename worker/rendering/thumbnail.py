"""A picture within a box: as large as it fits, on a neutral grey."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from worker.color.scaling import scaled
from worker.progress import Meter

BEHIND = "#777777"
CHECKERS, CHECKER_SIZE = ((255, 255, 255), (204, 204, 204)), 12
LEAST_SIDE = 24  # a picture of 1 x 5000 is shown so wide
PIXELS_SEEN_FROM = 4  # so much enlarged, pixels are squares; less, squares would be of different sizes
Box = tuple[int, int, int, int]  # left, top, right, bottom; the last two are outside


def show(sheet: Image.Image, pixels: NDArray[np.uint8], box: Box, meter: Meter) -> None:
    """Draw the picture u8[h, w, 3 or 4] into the middle of the box; what is transparent shows a checkerboard."""
    left, top, right, bottom = box
    ImageDraw.Draw(sheet).rectangle((left, top, right - 1, bottom - 1), BEHIND)
    picture = fitted(pixels, right - left, bottom - top, meter)
    place = (left + (right - left - picture.width) // 2, top + (bottom - top - picture.height) // 2)
    if picture.mode == "RGBA":
        sheet.paste(checkerboard(*picture.size), place)
        sheet.paste(picture, place, picture)
    else:
        sheet.paste(picture, place)


def fitted(pixels: NDArray[np.uint8], width: int, height: int, meter: Meter) -> Image.Image:
    """The picture u8[h, w, 3 or 4] as large as it fits into width x height, no side below LEAST_SIDE."""
    high, wide = pixels.shape[:2]
    scale = min(width / wide, height / high)
    size = (
        min(max(round(wide * scale), LEAST_SIDE), width),
        min(max(round(high * scale), LEAST_SIDE), height),
    )
    small = (min(wide, size[0]), min(high, size[1]))
    image = Image.fromarray(pixels if small == (wide, high) else scaled(pixels, small, meter))
    blurred = 1 < scale < PIXELS_SEEN_FROM
    return image.resize(size, Image.Resampling.BICUBIC if blurred else Image.Resampling.NEAREST)


def checkerboard(width: int, height: int) -> Image.Image:
    """What shows through a transparent picture."""
    y, x = np.ogrid[:height, :width]
    return Image.fromarray(np.array(CHECKERS, np.uint8)[(y // CHECKER_SIZE + x // CHECKER_SIZE) % 2])
