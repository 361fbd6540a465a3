"""A zlib stream unpacked piece by piece, and never further than asked for."""

from collections.abc import Iterable, Iterator

import numpy as np
from isal import igzip_lib
from numpy.typing import NDArray

from shared.contract.errors import BrokenImage

# What the unpacker is handed at a time: it keeps a copy of what it has not used yet.
FED_BYTES = 1 << 16


class Inflated:
    """What the zlib stream in a PNG file's chunks holds, from its beginning on; its checksum is held against it."""

    def __init__(self, packed: Iterable[memoryview]) -> None:
        self._packed = _fed(packed)
        self._unpacker = igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_ZLIB)

    def read(self, size: int) -> NDArray[np.uint8]:
        """The next u8[size]. Raises BrokenImage where the stream has fewer, or is no such stream."""
        data = np.empty(size, np.uint8)
        filled = 0
        while filled < size:
            piece = self._next(size - filled)
            if not piece:
                raise BrokenImage("The PNG file's pixels end before its last row. Send the whole file.")
            data[filled : filled + len(piece)] = np.frombuffer(piece, np.uint8)
            filled += len(piece)
        return data

    def check_end(self) -> None:
        """Raises BrokenImage where the stream ends in the wrong checksum. It may be without, and may go on."""
        self._next(1)

    def _next(self, most: int) -> bytes:
        """1..most bytes; none at the end of the stream or of the file."""
        unpacker = self._unpacker
        try:
            while not unpacker.eof:
                packed = next(self._packed, None) if unpacker.needs_input else b""
                piece: bytes = unpacker.decompress(packed or b"", most)
                if piece or packed is None:
                    return piece
        except igzip_lib.error as error:  # type: ignore[misc]  # its stub calls it a variable
            raise BrokenImage("The PNG file is damaged: its pixels do not unpack.") from error
        return b""


def _fed(packed: Iterable[memoryview]) -> Iterator[memoryview]:
    for part in packed:
        for begin in range(0, len(part), FED_BYTES):
            yield part[begin : begin + FED_BYTES]
