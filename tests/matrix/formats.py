"""The matrices by format."""

from collections.abc import Callable, Iterator

from tests.matrix import bmp, boxes, gif, jp2, jpeg, png, tiff, webp
from tests.matrix.case import Case

MATRICES: dict[str, Callable[[], Iterator[Case]]] = {
    "PNG": png.cases,
    "GIF": gif.cases,
    "WEBP": webp.cases,
    "JPEG": jpeg.cases,
    "AVIF": lambda: (case for case in boxes.cases() if case.name.startswith("AVIF")),
    "HEIC": lambda: (case for case in boxes.cases() if case.name.startswith("HEIC")),
    "JPEG2000": jp2.cases,
    "BMP": bmp.cases,
    "TIFF": tiff.cases,
}
