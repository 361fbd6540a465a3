"""A multipart/form-data body: the parts `image` and, optionally, `mask` (a second image file) and `params` (JSON)."""

from collections import deque
from collections.abc import AsyncIterator

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header

from api.intake.filenames import clean_filename
from api.intake.forms.parts import FILES, MAX_PARAMS_BYTES, FilePart, ParamsPart, Part, Parts
from shared.contract.errors import InvalidRequest
from shared.contract.params import read_object


class MultipartForm:
    """Its parts come in any order."""

    def __init__(self, chunks: AsyncIterator[bytes], boundary: bytes) -> None:
        self._body = chunks
        # What the parser has found and nobody has taken yet: parts, and the bytes of the latest file.
        self._found: deque[Part | bytes] = deque()
        self._raw_params = bytearray()
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
                "on_part_end": self._on_part_end,
                "on_end": self._on_end,
            },
        )

    async def parts(self) -> Parts:
        """The files and the parameters, as they come."""
        while await self._fill():
            part = self._found.popleft()
            assert not isinstance(part, bytes), "the file before it was not taken to its end"
            yield part
        if "image" not in self._seen:
            raise InvalidRequest("There is no part `image` in the multipart body.")
        if not self._ended:
            raise InvalidRequest("The multipart body is cut off: its closing boundary is missing.")

    async def _chunks(self) -> AsyncIterator[bytes]:
        """The bytes of the file whose turn it is, as they come."""
        while await self._fill():
            piece = self._found[0]
            if not isinstance(piece, bytes):
                return
            self._found.popleft()
            yield piece

    async def _fill(self) -> bool:
        """Parse until something is found; False at the body's end."""
        while not self._found:
            chunk = await anext(self._body, b"")
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
            filename = clean_filename(options.get(b"filename", b"").decode("utf-8", "replace"))
            self._found.append(FilePart(self._part, filename, self._chunks()))

    def _on_part_data(self, data: bytes, start: int, end: int) -> None:
        if self._part in FILES:
            self._found.append(data[start:end])
            return
        self._raw_params += data[start:end]
        if len(self._raw_params) > MAX_PARAMS_BYTES:
            raise InvalidRequest(f"The part `params` is larger than {MAX_PARAMS_BYTES:,} bytes.")

    def _on_part_end(self) -> None:
        if self._part == "params" and self._raw_params:
            values = read_object(bytes(self._raw_params), "The part `params`", '{"algorithm": "kmeans"}')
            self._found.extend([ParamsPart(values, "the part `params`")] if values else [])

    def _on_end(self) -> None:
        self._ended = True
