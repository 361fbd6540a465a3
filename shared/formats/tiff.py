"""TIFF 6.0 and BigTIFF: a chain of directories of tags."""

from dataclasses import dataclass
from typing import Literal

from shared.contract.errors import BrokenImage, UnsupportedImage
from shared.formats.header import Header, Limits, Window

MAX_TAGS = 1024  # of a directory; real files have a few dozen
_WIDTH, _HEIGHT, _BITS, _PHOTOMETRIC, _ORIENTATION, _EXTRA, _SAMPLE_FORMAT = 256, 257, 258, 262, 274, 338, 339
_KIND, _DNG = 254, 50706  # what of the picture this is: bit 0, a smaller copy; and the version of Adobe's raw format
_PHOTOMETRICS = (0, 1, 2, 3, 5, 6)  # grey (two ways), RGB, palette, CMYK, YCbCr
_NEEDED = {256, 257, 258, 262, 273, 277, 278, 279, 320, 322, 323, 324, 325, 338, 339}  # without which no pixel is right
_SIZES = {1: 1, 3: 2, 4: 4, 16: 8}  # bytes of BYTE, SHORT, LONG, LONG8


@dataclass(frozen=True)
class _Shape:
    """What differs between the two kinds of TIFF, and between the two byte orders."""

    order: Literal["little", "big"]
    count: int  # bytes of a directory's number of tags
    offset: int  # bytes of an offset

    @property
    def tag(self) -> int:
        return 4 + 2 * self.offset

    def number(self, data: bytes) -> int:
        return int.from_bytes(data, self.order)


def read(window: Window, limits: Limits) -> Header:
    """The first directory's tags, and the number of directories in the chain."""
    order: Literal["little", "big"] = "little" if window.at(0, 2) == b"II" else "big"
    big = window.at(2, 2)[0 if order == "little" else 1] == 43
    shape = _Shape(order, 8, 8) if big else _Shape(order, 2, 4)
    at = shape.number(window.at(8, 8) if big else window.at(4, 4))
    tags, following = _directory(window, shape, at)
    frames, seen = 1, {at}
    while following and following not in seen and frames <= limits.frames:
        seen.add(following)
        frames += 1
        following = _next(window, shape, following)
    if _WIDTH not in tags or _HEIGHT not in tags:
        raise BrokenImage("The TIFF file does not say how large it is.")
    if tags.get(_SAMPLE_FORMAT, 1) not in (1, 4):
        raise UnsupportedImage(
            "TIFF files of signed or floating-point samples are not read: save it with 8 or 16 bits."
        )
    if tags.get(_PHOTOMETRIC, 0) not in _PHOTOMETRICS:
        raise UnsupportedImage("The TIFF file's colours are of a kind that is not read: save it as grey, RGB or CMYK.")
    if _DNG in tags or tags.get(_KIND, 0) & 1:
        raise UnsupportedImage(
            "The TIFF file begins with a small copy of its picture, as raw files of cameras do: "
            "develop it, and send the picture as JPEG, PNG or TIFF."
        )
    noted = tags.get(_ORIENTATION, 1)
    orientation = noted if 1 <= noted <= 8 else 1
    return Header("TIFF", tags[_WIDTH], tags[_HEIGHT], tags.get(_BITS, 1), frames, _EXTRA in tags, orientation)


def _tag_count(window: Window, shape: _Shape, at: int) -> int:
    count = shape.number(window.at(at, shape.count))
    if not 1 <= count <= MAX_TAGS:
        raise BrokenImage(f"The TIFF file has a directory of {count:,} tags; from 1 to {MAX_TAGS:,} make sense.")
    return count


def _directory(window: Window, shape: _Shape, at: int) -> tuple[dict[int, int], int]:
    """The first value of each whole-numbered tag, and the place of the next directory (0: none)."""
    count = _tag_count(window, shape, at)
    data = window.at(at + shape.count, count * shape.tag)
    tags: dict[int, int] = {}
    for entry in (data[begin : begin + shape.tag] for begin in range(0, len(data), shape.tag)):
        size = _SIZES.get(shape.number(entry[2:4]), 0)
        values = shape.number(entry[4 : 4 + shape.offset])
        value = entry[4 + shape.offset :]
        if size and values * size > shape.offset:
            place, tag = shape.number(value), shape.number(entry[:2])
            if tag in _NEEDED and place + values * size > window.size:
                raise BrokenImage("The TIFF file is cut off: its tags' values are missing. Send the whole file.")
            value = window.peek(place, size)
        if size and values:
            tags.setdefault(shape.number(entry[:2]), shape.number(value[:size]))
    return tags, _next(window, shape, at)


def _next(window: Window, shape: _Shape, at: int) -> int:
    end = at + shape.count + _tag_count(window, shape, at) * shape.tag
    return shape.number(window.peek(end, shape.offset))
