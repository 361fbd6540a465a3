"""Takes a JSON text apart as it comes, so that the long strings in it need never be held."""

import re
from collections.abc import Sequence
from typing import NamedTuple

import orjson

from shared.contract.errors import InvalidRequest

_STRUCTURE = re.compile(rb'["{}\[\]]')
_STRING = re.compile(rb'[^"\\]*(?:\\.[^"\\]*)*', re.DOTALL)
_BEGUN_ESCAPE = re.compile(rb"(?<!\\)(?:\\\\)*(\\(?:u[0-9a-fA-F]{0,3})?)\Z")
# More than a name, its quotes, and a little white space.
_NAME_BYTES = 128
# The longest escape, \u002b, less its last byte.
_ESCAPE_BYTES = 5


class Piece(NamedTuple):
    """A part of a long string's value; the last one of each string says so."""

    name: str
    text: bytes
    last: bool


class LongStrings:
    """Passes on the string values of certain members of an object, which are ASCII, and keeps the rest of its text.

    In `rest` those values are empty strings: what is well-formed with them is so without them, and its own parser
    decides. `rest` has at most `limit` bytes.
    """

    def __init__(self, names: Sequence[str], limit: int) -> None:
        self.rest = bytearray()
        self._limit = limit
        self._member = re.compile(rb'[{,]\s*"(' + "|".join(names).encode() + rb')"\s*:\s*\Z')
        self._in_string, self._depth = False, 0
        self._name = ""  # of the long string in which we are
        self._pending = b""  # a backslash whose partner has not come
        self._held = b""  # of a long string: an escape that may not be whole

    def feed(self, chunk: bytes) -> list[Piece]:
        """The next bytes of the text. Raises InvalidRequest when the rest grows too long, or an escape is wrong."""
        data, position = self._pending + chunk, 0
        pieces: list[Piece] = []
        while position < len(data):
            if self._in_string:
                end = self._string(data, position, pieces)
                if end == position:
                    break
                position = end
            else:
                position = self._structure(data, position)
            if len(self.rest) > self._limit:
                raise InvalidRequest(f"The JSON body, less its base64, is larger than {self._limit:,} bytes.")
        self._pending = data[position:]
        return pieces

    def _structure(self, data: bytes, position: int) -> int:
        """Keep what is outside of strings, up to the next one; returns where to go on."""
        match = _STRUCTURE.search(data, position)
        end = match.end() if match else len(data)
        member = None
        if match and match[0] == b'"':
            before = bytes(self.rest[-_NAME_BYTES:]) + data[max(position, end - _NAME_BYTES) : end - 1]
            member = self._member.search(before) if self._depth == 1 else None
            self._in_string, self._name = True, member[1].decode() if member else ""
        elif match:
            self._depth += 1 if match[0] in b"{[" else -1
        self.rest += data[position:end]
        return end

    def _string(self, data: bytes, position: int, pieces: list[Piece]) -> int:
        """Take what is of the string in which we are; returns where to go on, the same place when more must come."""
        match = _STRING.match(data, position)
        assert match is not None  # it matches the empty string
        end = match.end()
        closed = data[end : end + 1] == b'"'
        if self._name:
            self._take(match[0], closed, pieces)
        else:
            self.rest += match[0]
        if closed:
            self.rest += b'"'
            self._in_string = False
            return end + 1
        return end

    def _take(self, text: bytes, closed: bool, pieces: list[Piece]) -> None:
        text, self._held = self._held + text, b""
        if not closed and b"\\" in text[-_ESCAPE_BYTES:]:
            begun = _BEGUN_ESCAPE.search(text)
            if begun:
                text, self._held = text[: begun.start(1)], begun[1]
        if b"\\" in text:  # JSON may write / as \/ and + as \u002b, and some writers do
            try:
                text = str(orjson.loads(b'"' + text + b'"')).encode()
            except orjson.JSONDecodeError:
                raise InvalidRequest(f"The body is not JSON: {self._name} has an escape that does not exist.") from None
        if text or closed:
            pieces.append(Piece(self._name, text, closed))
