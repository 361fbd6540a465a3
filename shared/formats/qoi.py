"""QOI (https://qoiformat.org/qoi-specification.pdf): fourteen bytes of header."""

from shared.contract.errors import UnsupportedImage
from shared.formats.header import Header, Limits, Window

SPACE = 13  # where the file says whether its samples are sRGB (0) or light (1)


def read(window: Window, limits: Limits) -> Header:
    channels, space = window.at(12, 2)
    if channels not in (3, 4) or space not in (0, 1):
        raise UnsupportedImage("The QOI header has neither 3 nor 4 channels, or an unknown colour space.")
    return Header("QOI", window.u32(4), window.u32(8), transparent=channels == 4)
