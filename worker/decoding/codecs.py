"""The list of decoders: file bytes -> samples. Nothing else is ever tried."""

from collections.abc import Callable

from shared.formats import Header
from worker.decoding import animations, avif, bmp, heic, jpeg, jpeg2000, png, ppm, qoi, tiff, webp
from worker.decoding.decoded import Decoded

CODECS: dict[str, Callable[[bytes, Header], Decoded]] = {
    "JPEG": jpeg.read,
    "PNG": png.read,
    "WEBP": webp.read,
    "GIF": animations.read,
    "AVIF": avif.read,
    "HEIC": heic.read,
    "TIFF": tiff.read,
    "BMP": bmp.read,
    "PPM": ppm.read,
    "QOI": qoi.read,
    "JPEG2000": jpeg2000.read,
}
