"""What a header says, what is allowed, and the window through which headers are read."""

import os
from dataclasses import dataclass
from typing import BinaryIO

from shared.contract.errors import BrokenImage

MAX_METADATA_BYTES = 16 * 2**20
"""Most bytes of metadata (text, profiles, previews) that are skipped or kept before the pixels begin."""


Area = tuple[slice, slice]  # rows and columns


@dataclass(frozen=True)
class Limits:
    """What is refused before it is decoded."""

    pixels: int = 100_000_000
    side: int = 65_535  # pixels; JPEG's own limit
    frames: int = 1_000


@dataclass(frozen=True)
class Header:
    """What an image file says of itself. Nothing of it has been proved by decoding."""

    format: str
    width: int  # as stored: an orientation may swap the two
    height: int
    bits: int = 8  # of a sample
    frames: int = 1  # counted up to one more than the limit
    transparent: bool = False  # whether pixels may be
    orientation: int = 1  # 1..8, as EXIF numbers it
    cicp: tuple[int, int] | None = None  # primaries and transfer by ITU-T H.273, as told by AVIF's and HEIC's boxes
    body: int = 0  # where a JPEG's scans begin
    shown: Area | None = None  # of AVIF and HEIC, if not all is
    covered: Area | None = None  # by the first frame of GIF and WebP, if not all is; the rest is clear

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of what is shown, before it is turned."""
        if self.shown is None:
            return self.width, self.height
        rows, columns = self.shown
        return columns.stop - columns.start, rows.stop - rows.start

    @property
    def upright(self) -> tuple[int, int]:
        """Width and height as the image is seen."""
        width, height = self.size
        return (height, width) if self.orientation >= 5 else (width, height)


def covered_area(width: int, height: int, left: int, top: int, right: int, bottom: int) -> Area | None:
    """What a first frame covers of its canvas, the frame's corners given; None where that is all of it."""
    if (left, top) == (0, 0) and right >= width and bottom >= height:
        return None
    return slice(top, min(bottom, height)), slice(left, min(right, width))


class Window:
    """Reads pieces of a file by their place."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.size = file.seek(0, os.SEEK_END)

    def peek(self, offset: int, size: int) -> bytes:
        """Up to `size` bytes from `offset`: fewer where the file ends."""
        self._file.seek(min(offset, self.size))
        return self._file.read(size)

    def at(self, offset: int, size: int) -> bytes:
        """Exactly `size` bytes from `offset`. Raises BrokenImage where the file ends before."""
        data = self.peek(offset, size)
        if len(data) < size:
            raise BrokenImage("The image is cut off within its header. Send the whole file.")
        return data

    def u16(self, offset: int) -> int:
        """A big-endian number of two bytes."""
        return int.from_bytes(self.at(offset, 2), "big")

    def u32(self, offset: int) -> int:
        """A big-endian number of four bytes."""
        return int.from_bytes(self.at(offset, 4), "big")
