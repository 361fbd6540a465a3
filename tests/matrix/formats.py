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

# 36,000 TIFFs take two minutes. Every 61st of them, a prime, goes through all values of all axes.
_TIFF_STEP = 61


def everyday(name: str) -> Iterator[Case]:
    """The files of a format that every run of the tests decodes: all, but of TIFF's combinations."""
    return tiff.cases(_TIFF_STEP) if name == "TIFF" else MATRICES[name]()
