"""Cuts a multipart body at its boundary (RFC 2046, section 5.1.1), as it streams."""

import re
from collections.abc import AsyncIterator

from shared.contract.errors import InvalidRequest

MAX_HEAD_BYTES = 16 * 1024
# White space between a boundary and the end of its line: gateways may put some there.
_MAX_PADDING = 256


class Sections:
    """What stands before, between and behind the boundaries: each section is taken to its end before the next.

    The first one is the preamble, the last one the epilogue; both are to be passed over. A section in between has a
    head. Never is more held than a head, or a boundary's line, beside a chunk.
    """

    def __init__(self, chunks: AsyncIterator[bytes], boundary: bytes) -> None:
        self._body = chunks
        self._mark = b"\r\n--" + boundary
        self._line = re.compile(re.escape(self._mark) + rb"(?:(--)|[ \t]{0,%d}(?=\r\n))" % _MAX_PADDING)
        self._longest = len(self._mark) + _MAX_PADDING + 2
        self._held = b"\r\n"  # a body may begin with its boundary
        self.closed = False
        """Whether the last section was ended by the closing boundary: what follows is the epilogue."""

    async def rest(self) -> AsyncIterator[bytes]:
        """What is left of this section. Raises InvalidRequest for a body that ends within it."""
        while True:
            line = self._line_from(self._held.find(self._mark))
            if line is not None:
                before, self._held = self._held[: line.start()], self._held[line.end() :]
                self.closed = line[1] is not None
                if before:
                    yield before
                return
            certain = len(self._held) - self._longest + 1
            if certain > 0:
                before, self._held = self._held[:certain], self._held[certain:]
                yield before
            await self._more()

    async def head(self) -> dict[bytes, bytes]:
        """The fields at the section's begin, by their names in small letters. Raises InvalidRequest."""
        while (end := self._held.find(b"\r\n\r\n")) < 0:
            if len(self._held) > MAX_HEAD_BYTES:
                raise InvalidRequest(f"The multipart body is malformed: a part's head has over {MAX_HEAD_BYTES} bytes.")
            await self._more()
        lines, self._held = self._held[2:end].split(b"\r\n"), self._held[end + 4 :]
        fields = {}
        for line in lines if lines != [b""] else []:
            name, colon, value = line.partition(b":")
            if not colon or not name.strip():
                raise InvalidRequest("The multipart body is malformed: a line of a part's head has no name and colon.")
            fields[name.strip().lower()] = value.strip()
        return fields

    async def epilogue(self) -> None:
        """Take what is behind the last part, and throw it away."""
        self._held = b""
        async for _ in self._body:
            pass

    def _line_from(self, begin: int) -> re.Match[bytes] | None:
        """The first whole line of a boundary; what only begins like one is data."""
        return self._line.search(self._held, begin) if begin >= 0 else None

    async def _more(self) -> None:
        chunk = await anext(self._body, b"")
        if not chunk:
            raise InvalidRequest("The multipart body is cut off: its closing boundary is missing.")
        self._held += chunk
