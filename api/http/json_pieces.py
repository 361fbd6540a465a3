"""JSON that is made piece by piece: never held whole, neither as numbers nor as text.

The label map of 20 megapixels is 40 MB of either, and hundreds of clients may ask for it and not read. What is put into
a document is joined with it by structure, member by member, whatever the document's other members say.
"""

from array import array
from collections.abc import AsyncIterator, Mapping
from typing import Any, Protocol

import orjson

_ARRAY_CODES = {"int16": "h", "int32": "i"}
_NPY_PREFIX = 10  # magic, version, and the length of the header that follows


class BlobReader(Protocol):
    """What blobs are read by."""

    def read(self, key: str) -> AsyncIterator[bytes]:
        """The blob's bytes in pieces."""
        ...


def around(document: Mapping[str, Any], path: tuple[str, ...]) -> tuple[bytes, bytes]:
    """The JSON of `document` before and after the value at `path`."""
    name, *inside = path
    members = list(document.items())
    place = list(document).index(name)
    head, tail = orjson.dumps(dict(members[:place])), orjson.dumps(dict(members[place + 1 :]))
    before = head[:-1] + (b"," if place else b"") + orjson.dumps(name) + b":"
    after = (b"," if place + 1 < len(members) else b"") + tail[1:]
    if inside:
        inner_before, inner_after = around(document[name], tuple(inside))
        return before + inner_before, inner_after + after
    return before, after


async def embed(
    document: Mapping[str, Any], path: tuple[str, ...], pieces: AsyncIterator[bytes]
) -> AsyncIterator[bytes]:
    """`document` as JSON, with `pieces` of JSON for the value at `path`.

    The first piece of all has the first of `pieces` in it: when it comes, what they are made from is known to be there.
    """
    begin, end = around(document, path)
    async for piece in pieces:
        yield begin + piece
        begin = b""
    yield end


async def numbers(npy: AsyncIterator[bytes], dtype: str) -> AsyncIterator[bytes]:
    """The numbers of a .npy file of this dtype as a JSON list, in a piece for each of the file's."""
    file, begin = _Npy(_ARRAY_CODES[dtype]), b"["
    async for piece in npy:
        found = orjson.dumps(file.feed(piece))[1:-1]
        if found:
            yield begin + found
            begin = b","
    yield b"[]" if begin == b"[" else b"]"


class _Npy:
    """Takes the numbers out of a .npy file (version 1) as its bytes come."""

    def __init__(self, code: str) -> None:
        self._code = code
        self._rest = b""  # of the header, and then of a number, that is not whole yet
        self._in_header = True

    def feed(self, piece: bytes) -> list[int]:
        """The numbers that are whole by now."""
        data = self._rest + piece
        if self._in_header:
            begin = _NPY_PREFIX + int.from_bytes(data[8:_NPY_PREFIX], "little")
            if len(data) < max(begin, _NPY_PREFIX):
                self._rest = data
                return []
            data, self._in_header = data[begin:], False
        values = array(self._code)
        whole = len(data) - len(data) % values.itemsize
        values.frombytes(memoryview(data)[:whole])
        self._rest = data[whole:]
        return values.tolist()
