"""TIFF 6.0 and BigTIFF: a chain of directories, each a table of tags with their values."""

import struct
from dataclasses import dataclass
from typing import NamedTuple

from shared.contract.errors import BrokenImage
from shared.formats.header import Window

MAX_TAGS = 1024  # of a directory; real files have a few dozen
MAX_VALUES = 4 * 2**20  # of a tag; a strip for each row of the tallest image needs 65,535
# struct's names of BYTE, SHORT, LONG, SBYTE, UNDEFINED, SSHORT, SLONG, IFD, LONG8, SLONG8, IFD8.
_NUMBERS = {1: "B", 3: "H", 4: "I", 6: "b", 7: "B", 8: "h", 9: "i", 13: "I", 16: "Q", 17: "q", 18: "Q"}
_RATIONAL = 5
_MOST_RATIONALS = 64  # nobody asks for more than six


class _Entry(NamedTuple):
    kind: int  # of the values: BYTE is 1, SHORT 3, and so on
    values: int  # their number
    place: int  # of the first value in the file


@dataclass(frozen=True)
class Directory:
    """One picture's tags. Their values are read where they are asked for."""

    window: Window
    order: str  # < or >
    entries: dict[int, _Entry]

    def __contains__(self, tag: int) -> bool:
        return tag in self.entries

    def numbers(self, tag: int) -> tuple[int, ...]:
        """All whole numbers of a tag, of whatever type it writes them; none where it is missing or of another kind.

        Raises BrokenImage where the file ends before them.
        """
        entry = self.entries.get(tag)
        if entry is None or entry.kind not in _NUMBERS:
            return ()
        if entry.values > MAX_VALUES:
            raise BrokenImage(f"The TIFF file has a tag of {entry.values:,} values.")
        layout = f"{self.order}{entry.values}{_NUMBERS[entry.kind]}"
        data = self.window.peek(entry.place, struct.calcsize(layout))
        if len(data) < struct.calcsize(layout):
            raise BrokenImage("The TIFF file is cut off: its tags' values are missing. Send the whole file.")
        return struct.unpack(layout, data)

    def number(self, tag: int, default: int) -> int:
        """The first value of a tag."""
        entry = self.entries.get(tag)
        if entry is None or entry.kind not in _NUMBERS or not entry.values:
            return default
        name = self.order + _NUMBERS[entry.kind]
        (value,) = struct.unpack(name, self.window.at(entry.place, struct.calcsize(name)))
        return int(value)

    def fractions(self, tag: int) -> tuple[float, ...]:
        """The first values of a tag of RATIONALs, or all whole numbers; none where one is divided by zero."""
        entry = self.entries.get(tag)
        if entry is None or entry.kind != _RATIONAL:
            return tuple(map(float, self.numbers(tag)))
        count = min(entry.values, _MOST_RATIONALS)
        parts = struct.unpack(f"{self.order}{2 * count}I", self.window.at(entry.place, 8 * count))
        return (
            () if 0 in parts[1::2] else tuple(top / bottom for top, bottom in zip(parts[::2], parts[1::2], strict=True))
        )

    def bytes(self, tag: int) -> bytes | None:
        """The values of a tag of bytes, such as a profile."""
        entry = self.entries.get(tag)
        if entry is None or entry.kind not in (1, 2, 6, 7):
            return None
        return self.window.at(entry.place, entry.values)


@dataclass(frozen=True)
class _Shape:
    """What differs between the two kinds of TIFF, and between the two byte orders."""

    order: str
    count: int  # bytes of a directory's number of tags
    offset: int  # bytes of an offset

    @property
    def tag(self) -> int:
        return 4 + 2 * self.offset

    def number(self, data: bytes) -> int:
        return int.from_bytes(data, "little" if self.order == "<" else "big")


def first_directory(window: Window, most: int) -> tuple[Directory, int]:
    """The first picture's tags, and the number of pictures in the chain, counted up to one more than `most`."""
    order = "<" if window.at(0, 2) == b"II" else ">"
    big = window.at(2, 2)[0 if order == "<" else 1] == 43
    shape = _Shape(order, 8, 8) if big else _Shape(order, 2, 4)
    at = shape.number(window.at(8, 8) if big else window.at(4, 4))
    found, following = _directory(window, shape, at), _next(window, shape, at)
    count, seen = 1, {at}
    while following and following not in seen and count <= most:
        seen.add(following)
        count += 1
        following = _next(window, shape, following)
    return found, count


def _tag_count(window: Window, shape: _Shape, at: int) -> int:
    count = shape.number(window.at(at, shape.count))
    if not 1 <= count <= MAX_TAGS:
        raise BrokenImage(f"The TIFF file has a directory of {count:,} tags; from 1 to {MAX_TAGS:,} make sense.")
    return count


def _directory(window: Window, shape: _Shape, at: int) -> Directory:
    begin = at + shape.count
    entries: dict[int, _Entry] = {}
    data = window.at(begin, _tag_count(window, shape, at) * shape.tag)
    for offset in range(0, len(data), shape.tag):
        entry = data[offset : offset + shape.tag]
        kind, count = shape.number(entry[2:4]), shape.number(entry[4 : 4 + shape.offset])
        size = 8 if kind == _RATIONAL else struct.calcsize(_NUMBERS.get(kind, "B"))
        inline = count * size <= shape.offset
        value = 4 + shape.offset
        place = begin + offset + value if inline else shape.number(entry[value:])
        entries.setdefault(shape.number(entry[:2]), _Entry(kind, count, place))
    return Directory(window, shape.order, entries)


def _next(window: Window, shape: _Shape, at: int) -> int:
    end = at + shape.count + _tag_count(window, shape, at) * shape.tag
    return shape.number(window.peek(end, shape.offset))
