"""A multipart/form-data body: the parts `image` and, optionally, `mask` (a second image file) and `params` (JSON)."""

from collections import deque
from collections.abc import AsyncIterator, Mapping
from typing import Any

from fastapi import Request
from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header

from api.intake.forms.base import (
    FILES,
    MAX_PARAMS_BYTES,
    OVERHEAD_BYTES,
    Incoming,
    Reference,
    one_set_of_params,
    query_params,
    stream,
)
from shared.contract.errors import InvalidRequest
from shared.contract.params import read_object
from shared.runtime.settings import Settings


class MultipartForm:
    """Its parts come in any order. Without `params`, the parameters are in the query string."""

    references: Mapping[str, Reference] = {}

    def __init__(self, request: Request, boundary: bytes, settings: Settings) -> None:
        self._stream = stream(request, len(FILES) * settings.max_upload_bytes + OVERHEAD_BYTES, settings)
        self._query = query_params(request)
        self._raw_params = bytearray()
        # What the parser has found and nobody has taken yet: files that begin, and the bytes of the latest one.
        self._found: deque[Incoming | bytes] = deque()
        self._seen: set[str] = set()
        self._part = ""
        self._field, self._value, self._disposition = b"", b"", b""
        self._ended = False
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._on_part_begin,
                "on_header_field": self._on_header_field,
                "on_header_value": self._on_header_value,
                "on_header_end": self._on_header_end,
                "on_headers_finished": self._on_headers_finished,
                "on_part_data": self._on_part_data,
                "on_end": self._on_end,
            },
        )

    @property
    def params(self) -> dict[str, Any]:
        """The part `params`, or else the query string. Complete once all files were taken."""
        if not self._raw_params:
            return self._query
        params = read_object(bytes(self._raw_params), "The part `params`", '{"algorithm": "kmeans"}')
        return one_set_of_params(params, self._query, "the part `params`")

    async def files(self) -> AsyncIterator[Incoming]:
        while await self._fill():
            file = self._found.popleft()
            assert isinstance(file, Incoming), "the file before it was not taken to its end"
            yield file
        if "image" not in self._seen:
            raise InvalidRequest("There is no part `image` in the multipart body.")
        if not self._ended:
            raise InvalidRequest("The multipart body is cut off: its closing boundary is missing.")

    async def _chunks(self) -> AsyncIterator[bytes]:
        """The bytes of the file whose turn it is, as they come."""
        while await self._fill():
            piece = self._found[0]
            if isinstance(piece, Incoming):
                return
            self._found.popleft()
            yield piece

    async def _fill(self) -> bool:
        """Parse until something is found; False at the body's end."""
        while not self._found:
            chunk = await anext(self._stream, b"")
            if not chunk:
                return False
            try:
                self._parser.write(chunk)
            except MultipartParseError as error:
                raise InvalidRequest(f"The multipart body is malformed: {error}") from None
        return True

    def _on_part_begin(self) -> None:
        self._disposition = b""

    def _on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._field += data[start:end]

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _on_header_end(self) -> None:
        if self._field.lower() == b"content-disposition":
            self._disposition = self._value
        self._field, self._value = b"", b""

    def _on_headers_finished(self) -> None:
        _, options = parse_options_header(self._disposition)
        self._part = options.get(b"name", b"").decode("utf-8", "replace")
        if self._part not in (*FILES, "params"):
            raise InvalidRequest(
                f"The multipart body has a part {self._part!r}; "
                "it takes `image` (the file), `mask` (a second image file) and `params` (JSON)."
            )
        if self._part in self._seen:
            raise InvalidRequest(f"The multipart body has the part `{self._part}` twice.")
        self._seen.add(self._part)
        if self._part in FILES:
            filename = options.get(b"filename", b"").decode("utf-8", "replace")[:255] or None
            self._found.append(Incoming(self._part, filename, self._chunks()))

    def _on_part_data(self, data: bytes, start: int, end: int) -> None:
        if self._part in FILES:
            self._found.append(data[start:end])
            return
        self._raw_params += data[start:end]
        if len(self._raw_params) > MAX_PARAMS_BYTES:
            raise InvalidRequest(f"The part `params` is larger than {MAX_PARAMS_BYTES:,} bytes.")

    def _on_end(self) -> None:
        self._ended = True
