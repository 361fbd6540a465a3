"""The forms in which a request brings its files: each is taken apart as it streams, never held whole in memory.

Two forms: multipart/form-data with the parts `image` and, optionally, `mask` (a second image file) and `params` (JSON),
or the image itself as the body. Without the part `params`, the parameters are in the query string.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Protocol

import orjson
from fastapi import Request
from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import ClientDisconnect

from shared.errors import (
    FieldError,
    InvalidParams,
    InvalidRequest,
    UnsupportedMediaType,
    UploadStalled,
    UploadTooLarge,
)
from shared.params import parse_params
from shared.settings import Settings

FILES = ("image", "mask")
MAX_PARAMS_BYTES = 64 * 1024
# What a multipart body may have beside its files: boundaries, headers, parameters.
MULTIPART_OVERHEAD_BYTES = 2 * MAX_PARAMS_BYTES
MAX_BOUNDARY_BYTES = 70  # RFC 2046, section 5.1.1
_FORMS = (
    "Send the image as the part `image` of multipart/form-data, "
    "or as the body itself with Content-Type: image/* or application/octet-stream."
)


@dataclass(frozen=True)
class Incoming:
    """A file on its way: `chunks` is taken to its end before the next file comes."""

    name: str
    """`image` or `mask`."""
    filename: str | None
    chunks: AsyncIterator[bytes]


class Form(Protocol):
    """One way to send files and parameters."""

    def files(self) -> AsyncIterator[Incoming]:
        """The request's files, each once, in the order in which they come."""
        ...

    @property
    def params(self) -> dict[str, Any]:
        """The parameters as they were given. Complete once all files were taken."""
        ...


def read_form(request: Request, settings: Settings) -> Form:
    """The request's form, by its Content-Type. Raises UnsupportedMediaType or InvalidRequest where it has none."""
    media_type, options = parse_options_header(request.headers.get("content-type"))
    kind = media_type.decode("latin-1")
    if kind == "multipart/form-data":
        boundary = options.get(b"boundary", b"")
        if not 1 <= len(boundary) <= MAX_BOUNDARY_BYTES:
            raise InvalidRequest("The Content-Type multipart/form-data has no boundary of 1 to 70 characters.")
        return _Multipart(request, boundary, settings)
    if kind.startswith("image/") or kind == "application/octet-stream":
        return _Body(request, settings)
    if not kind:
        raise InvalidRequest(f"There is no Content-Type. {_FORMS}")
    raise UnsupportedMediaType(f"A body of type {kind} is not taken. {_FORMS}")


def too_large(limit: int) -> UploadTooLarge:
    return UploadTooLarge(f"The image is larger than the limit of {limit:,} bytes. Send a smaller one.")


async def _stream(request: Request, limit: int, stall_seconds: float) -> AsyncIterator[bytes]:
    """The request's body in chunks: at most `limit` bytes, with no pause longer than `stall_seconds`."""
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length) > limit:
        raise too_large(limit)
    received = 0
    stream = request.stream()
    while True:
        try:
            chunk = await asyncio.wait_for(anext(stream), stall_seconds)
        except StopAsyncIteration:
            return
        except TimeoutError:
            raise UploadStalled(f"The upload sent nothing for {stall_seconds:g} s and was cut off.") from None
        except ClientDisconnect:
            raise InvalidRequest("The upload was broken off by the client.") from None
        received += len(chunk)
        if received > limit:
            raise too_large(limit)
        if chunk:
            yield chunk


def _query_params(request: Request) -> dict[str, Any]:
    """The query string as parameters: a value that is JSON is read as JSON, any other is text.

    Wrong ones are refused here, before the body is read.
    """
    params: dict[str, Any] = {}
    for name, value in request.query_params.multi_items():
        if name in params:
            raise InvalidParams([FieldError(field=name, value=value, message="is given twice")])
        try:
            params[name] = orjson.loads(value)
        except orjson.JSONDecodeError:
            params[name] = value
    parse_params(params)
    return params


class _Body:
    """The image itself as the body, its parameters in the query string."""

    def __init__(self, request: Request, settings: Settings) -> None:
        self.params = _query_params(request)
        self._stream = _stream(request, settings.max_upload_bytes, settings.upload_stall_seconds)

    async def files(self) -> AsyncIterator[Incoming]:
        yield Incoming("image", None, self._stream)


class _Multipart:
    """A multipart/form-data body with the parts `image` and, optionally, `mask` and `params`, in any order."""

    def __init__(self, request: Request, boundary: bytes, settings: Settings) -> None:
        limit = len(FILES) * settings.max_upload_bytes + MULTIPART_OVERHEAD_BYTES
        self._stream = _stream(request, limit, settings.upload_stall_seconds)
        self._query = _query_params(request)
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
        if self._query:
            raise InvalidRequest("The parameters are both in the part `params` and in the query: leave one out.")
        try:
            params = orjson.loads(bytes(self._raw_params))
        except orjson.JSONDecodeError as error:
            raise InvalidRequest(f"The part `params` is not JSON: {error}") from None
        if not isinstance(params, dict):
            raise InvalidRequest('The part `params` must be a JSON object, such as {"algorithm": "kmeans"}.')
        return params

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
