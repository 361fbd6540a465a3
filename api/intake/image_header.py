"""What an image's header and end tell: the gateway refuses by them, and decodes no pixel."""

from typing import BinaryIO

from shared.contract.errors import BrokenImage
from shared.formats import Header, jpeg, png, read_header
from shared.runtime.settings import Settings

TAIL_BYTES = 64 * 1024
BLOCK_BYTES = 8 * 2**20
# The formats whose end can be told, so that a file that was cut off is refused at once.
END_MARKS = {"JPEG": jpeg.END, "PNG": png.END}


def check_image(file: BinaryIO, size: int, settings: Settings) -> Header:
    """Refuse what is no image, too large, or visibly cut off: `file` has `size` bytes, of which few are read."""
    header = read_header(file, settings.image_limits)
    mark = END_MARKS.get(header.format)
    if mark is not None and not _stands(mark, file, header.body, size):
        raise BrokenImage(f"The {header.format} file is cut off: its end is missing. Send the whole file.")
    return header


def _stands(mark: bytes, file: BinaryIO, begin: int, end: int) -> bool:
    """Whether `mark` is in the file between the two places: first sought near the end, where it nearly always is."""
    block = TAIL_BYTES
    while end > begin:
        at = max(begin, end - block)
        file.seek(at)
        if mark in bytes(file.read(end - at + len(mark) - 1)):
            return True
        end, block = at, BLOCK_BYTES  # phones append films of megabytes to their photographs
    return False
