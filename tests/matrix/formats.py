"""The matrices by format."""

from collections.abc import Callable, Iterator

from tests.matrix import bmp, tiff
from tests.matrix.case import Case

MATRICES: dict[str, Callable[[], Iterator[Case]]] = {
    "BMP": bmp.cases,
    "TIFF": tiff.cases,
}
