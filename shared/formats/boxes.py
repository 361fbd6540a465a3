"""Boxes of ISO/IEC 14496-12, of which AVIF, HEIC and JPEG 2000's files are made: a size, a kind, contents."""

from collections.abc import Iterator
from typing import NamedTuple

from shared.formats.header import Window

MAX_BOXES = 4096


class Box(NamedTuple):
    """Where a box's contents stand in the file."""

    kind: bytes
    begin: int
    end: int

    @property
    def size(self) -> int:
        return self.end - self.begin


def in_file(window: Window, begin: int = 0, end: int | None = None) -> Iterator[Box]:
    """The boxes between two places of the file, its whole by default; one that reaches beyond is the last."""
    end = window.size if end is None else end
    for _ in range(MAX_BOXES):
        box = _box(window.peek(begin, 16), begin, end)
        if box is None:
            return
        yield box
        begin = box.end


def in_bytes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Kind and contents of each box in `data`."""
    begin = 0
    while (box := _box(data[begin : begin + 16], begin, len(data))) is not None:
        yield box.kind, data[box.begin : box.end]
        begin = box.end


def _box(head: bytes, begin: int, end: int) -> Box | None:
    """The box at `begin`, of which `head` has the first 16 bytes; None where none begins before `end`."""
    if len(head) < 8 or begin + 8 > end:
        return None
    size, skip = int.from_bytes(head[:4], "big"), 8
    if size == 1:
        size, skip = int.from_bytes(head[8:16], "big"), 16
    elif size == 0:
        size = end - begin  # the last one, to the end
    return Box(head[4:8], begin + skip, begin + size) if size >= skip else None
