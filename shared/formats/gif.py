"""GIF (CompuServe GIF89a): a screen, then blocks chopped into pieces of at most 255 bytes."""

from shared.contract.errors import BrokenImage
from shared.formats.header import Header, Limits, Window, covered_area

_PIECE = 1 << 16
# A file of 64 MB in full pieces has 263,000; one chopped finer is made to keep readers busy.
MAX_PIECES = 1_000_000


def read(window: Window, limits: Limits) -> Header:
    """The screen's size, and the frames, counted by skipping over their pieces."""
    screen = window.at(6, 7)
    width, height = (int.from_bytes(screen[at : at + 2], "little") for at in (0, 2))
    walk = _Walk(window, 13 + _table_bytes(screen[4]))
    frames, transparent, covered = 0, False, None
    while frames <= limits.frames:
        kind = walk.byte()
        if kind == 0x2C:
            frame = walk.take(9)
            if not frames:
                left, top, across, down = (int.from_bytes(frame[at : at + 2], "little") for at in (0, 2, 4, 6))
                # A first frame that is larger than the screen enlarges it, in all viewers.
                width, height = max(width, left + across), max(height, top + down)
                covered = covered_area(width, height, left, top, left + across, top + down)
            walk.take(_table_bytes(frame[8]) + 1)  # the colours, and the size of LZW's first code
            walk.skip_pieces()
            frames += 1
        elif kind == 0x21:
            if walk.byte() == 0xF9 and not frames:
                transparent = walk.peek(2)[1:] != b"" and bool(walk.peek(2)[1] & 1)
            walk.skip_pieces()
        else:  # the trailer, the file's end, or garbage behind the frames, which all viewers forgive
            break
    if not frames:
        raise BrokenImage("The GIF file has no frame.")
    transparent |= covered is not None
    return Header("GIF", width, height, frames=frames, transparent=transparent, covered=covered)


def _table_bytes(flags: int) -> int:
    return 3 << (1 + (flags & 7)) if flags & 0x80 else 0


class _Walk:
    """Goes through a file by small steps, with few reads."""

    def __init__(self, window: Window, offset: int) -> None:
        self._window, self._start, self._at, self._buffer = window, offset, 0, b""
        self._pieces = 0

    def peek(self, size: int) -> bytes:
        if self._at + size > len(self._buffer):
            self._refill()
        return self._buffer[self._at : self._at + size]

    def _refill(self) -> None:
        self._start += self._at
        self._at, self._buffer = 0, self._window.peek(self._start, _PIECE)

    def take(self, size: int) -> bytes:
        data = self.peek(size)
        if len(data) < size:
            raise BrokenImage("The GIF file is cut off. Send the whole file.")
        self._at += size
        return data

    def byte(self) -> int:
        """The next byte; the trailer's where the file ends."""
        data = self.peek(1)
        self._at += len(data)
        return data[0] if data else 0x3B

    def skip_pieces(self) -> None:
        """To behind the empty piece that ends a block: the loop that a large file spends its time in."""
        size = 1
        while size:
            if not self.peek(1):
                raise BrokenImage("The GIF file is cut off. Send the whole file.")
            buffer, at = self._buffer, self._at
            while at < len(buffer) and (size := buffer[at]):
                at += size + 1
                self._pieces += 1
            self._at = at
            if self._pieces > MAX_PIECES:
                raise BrokenImage(f"The GIF file is chopped into more than {MAX_PIECES:,} pieces.")
        self._at += 1
