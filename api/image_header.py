"""What an image's header and end tell: the gateway refuses by them, and decodes no pixel."""

from typing import BinaryIO

from shared.errors import BrokenImage
from shared.formats import Header, read_header
from shared.settings import Settings

TAIL_BYTES = 64 * 1024
# The formats whose end can be told, so that a file that was cut off is refused at once.
END_MARKS = {"JPEG": b"\xff\xd9", "PNG": b"IEND\xae\x42\x60\x82"}


def check_image(file: BinaryIO, size: int, settings: Settings) -> Header:
    """Refuse what is no image, too large, or visibly cut off: `file` has `size` bytes, of which few are read."""
    header = read_header(file, settings.image_limits)
    mark = END_MARKS.get(header.format)
    file.seek(max(0, size - TAIL_BYTES))
    if mark is not None and mark not in bytes(file.read(TAIL_BYTES)):
        raise BrokenImage(f"The {header.format} file is cut off: its end is missing. Send the whole file.")
    return header
