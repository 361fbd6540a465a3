"""What an image's header and end tell: the gateway refuses by them, and decodes no pixel."""

from dataclasses import dataclass
from typing import BinaryIO

from PIL import Image, UnidentifiedImageError

from shared.errors import BrokenImage, UnsupportedImage
from shared.formats import FORMATS, check_header
from shared.settings import Settings

TAIL_BYTES = 64 * 1024
# The formats whose end can be told, so that a file that was cut off is refused at once.
END_MARKS = {"JPEG": b"\xff\xd9", "PNG": b"IEND"}

Image.MAX_IMAGE_PIXELS = None  # our own limit is checked below


@dataclass(frozen=True)
class ImageHeader:
    """`width` and `height` are the file's own, before its orientation is applied."""

    format: str
    width: int
    height: int
    transparent: bool
    """Whether it may have pixels that do not count."""
    may_be_turned: bool
    """Whether a camera may have noted another orientation; in a PNG that can stand behind the pixels, unseen here."""


def check_image(file: BinaryIO, size: int, settings: Settings) -> ImageHeader:
    """Refuse what is no image, too large, or visibly cut off: `file` has `size` bytes, and is read at its ends only."""
    try:
        image = Image.open(file, formats=FORMATS)
    except UnidentifiedImageError:
        raise UnsupportedImage(f"The file is not an image of a known format ({', '.join(FORMATS)}).") from None
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        raise BrokenImage(f"The image's header is damaged: {error}") from None
    check_header(*image.size, image.mode, settings.max_pixels)
    image_format = image.format or ""
    mark = END_MARKS.get(image_format)
    file.seek(max(0, size - TAIL_BYTES))
    if mark is not None and mark not in bytes(file.read(TAIL_BYTES)):
        raise BrokenImage(f"The {image.format} file is cut off: its end is missing. Send the whole file.")
    may_be_turned = image_format != "JPEG" or "exif" in image.info
    return ImageHeader(image_format, *image.size, image.has_transparency_data, may_be_turned)
