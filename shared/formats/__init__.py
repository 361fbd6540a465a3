"""The images that are read, told by their first bytes, and what their headers say.

Headers are read in plain Python from a file that may be far away: a few small reads, no pixel, no library that would
load the whole file. Gateway and worker share this, so that both refuse the same files before anything is decoded.

    signature   file -> the format's name, or UnsupportedImage
    header      file -> Header(format, width, height, frames, ...), or BrokenImage
    limits      Header and Limits -> nothing, or ImageTooLarge
"""

from typing import BinaryIO

from shared.contract.errors import BrokenImage, ImageTooLarge, UnsupportedImage
from shared.formats import bmff, bmp, gif, jpeg, jpeg2000, png, ppm, qoi, tiff, webp
from shared.formats.header import Header, Limits, Window

__all__ = ["FORMATS", "MEDIA_TYPES", "Header", "Limits", "check_limits", "read_header"]

MEDIA_TYPES = {
    "JPEG": "image/jpeg",
    "PNG": "image/png",
    "WEBP": "image/webp",
    "GIF": "image/gif",
    "AVIF": "image/avif",
    "HEIC": "image/heic",
    "TIFF": "image/tiff",
    "BMP": "image/bmp",
    "PPM": "image/x-portable-anymap",
    "QOI": "image/qoi",
    "JPEG2000": "image/jp2",
}
FORMATS = tuple(MEDIA_TYPES)

_READERS = {
    "JPEG": jpeg.read,
    "PNG": png.read,
    "WEBP": webp.read,
    "GIF": gif.read,
    "AVIF": bmff.read_avif,
    "HEIC": bmff.read_heic,
    "TIFF": tiff.read,
    "BMP": bmp.read,
    "PPM": ppm.read,
    "QOI": qoi.read,
    "JPEG2000": jpeg2000.read,
}
_SIGNATURES = {
    b"\xff\xd8\xff": "JPEG",
    png.SIGNATURE: "PNG",
    b"GIF87a": "GIF",
    b"GIF89a": "GIF",
    b"II\x2a\x00": "TIFF",
    b"MM\x00\x2a": "TIFF",
    b"II\x2b\x00": "TIFF",
    b"MM\x00\x2b": "TIFF",
    b"qoif": "QOI",
    b"\x00\x00\x00\x0cjP  \r\n\x87\n": "JPEG2000",
    b"\xff\x4f\xff\x51": "JPEG2000",
}
_OTHERS = {
    b"%!PS": "EPS",
    b"\xc5\xd0\xd3\xc6": "EPS",
    b"%PDF": "PDF",
    b"PK\x03\x04": "zip",
    b"<svg": "SVG",
    b"<?xml": "XML",
}


def read_header(file: BinaryIO, limits: Limits) -> Header:
    """What the file's first bytes say it is, read from the file's beginning whatever its name or media type.

    Frames are counted only as far as `limits.frames` goes. Raises UnsupportedImage for bytes that are of no format that
    is read, BrokenImage for a header that is cut off or makes no sense, ImageTooLarge for what exceeds the limits.
    """
    window = Window(file)
    image_format = _format_of(window)
    header = _READERS[image_format](window, limits)
    if header.width <= 0 or header.height <= 0:
        raise BrokenImage(
            f"The {image_format} header says {header.width} x {header.height} pixels: there is no picture."
        )
    check_limits(header, limits)
    return header


def check_limits(header: Header, limits: Limits) -> None:
    """Raises ImageTooLarge for more pixels, a longer side or more frames than `limits` allow."""
    width, height = header.width, header.height
    if width * height > limits.pixels:
        raise ImageTooLarge(
            f"The image has {width} x {height} = {width * height:,} pixels; the limit here is {limits.pixels:,}. "
            "Send a smaller one."
        )
    if max(width, height) > limits.side:
        raise ImageTooLarge(
            f"The image is {width} x {height} pixels; the limit here is {limits.side:,} a side. Send a smaller one."
        )
    if header.frames > limits.frames:
        raise ImageTooLarge(
            f"The {header.format} file has more than {limits.frames:,} frames or pages, the limit here. "
            "Only the first is clustered: send that one alone."
        )


def _format_of(window: Window) -> str:
    start = window.peek(0, 32)
    for signature, image_format in _SIGNATURES.items():
        if start.startswith(signature):
            return image_format
    if start[:4] == b"RIFF" and start[8:12] == b"WEBP":
        return "WEBP"
    if start[4:8] == b"ftyp":
        boxed = bmff.brand_format(window)
        if boxed:
            return boxed
    if bmp.is_bmp(start):
        return "BMP"
    if ppm.is_ppm(start):
        return "PPM"
    if any(signature.startswith(start) for signature in _SIGNATURES) and start:
        raise BrokenImage("The file ends within its first bytes. Send the whole file.")
    other: str | None = next(
        (name for signature, name in _OTHERS.items() if start.lstrip().startswith(signature)), None
    )
    what = f"The file is {other}, which is not taken" if other else "The file is not an image of a known format"
    raise UnsupportedImage(f"{what}; {', '.join(FORMATS)} are.")
