"""A multipart/form-data body: the parts `image` and, optionally, `mask` (a second image file), `params` (JSON), and
`callback_url` and `callback_events`, each by itself.
"""

from collections.abc import AsyncIterator
from typing import Any

from python_multipart.multipart import parse_options_header

from api.intake.filenames import clean_filename
from api.intake.forms.parts import CALLBACK, FILES, MAX_PARAMS_BYTES, FilePart, ParamsPart, Parts
from api.intake.forms.sections import Sections
from shared.contract.errors import InvalidRequest, UnsupportedEncoding
from shared.contract.params import read_object, read_value

# What of mail's encodings changes no byte (RFC 2045, section 6.2); forms should have none (RFC 7578, section 4.7).
_AS_IT_IS = (b"7bit", b"8bit", b"binary")
# Three have a meaning, and each may be there and empty as well; hundreds of thousands of empty ones take seconds.
MOST_PARTS = 16


class MultipartForm:
    """Its parts come in any order. One that is empty and names no file is absent: forms send all of their fields."""

    def __init__(self, chunks: AsyncIterator[bytes], boundary: bytes) -> None:
        self._sections = Sections(chunks, boundary)
        self._seen: set[str] = set()

    async def parts(self) -> Parts:
        """The files and the parameters, as they come."""
        async for _ in self._sections.rest():
            pass  # the preamble
        count = 0
        while not self._sections.closed:
            count += 1
            if count > MOST_PARTS:
                raise InvalidRequest(f"The multipart body has more than {MOST_PARTS} parts.")
            name, filename = await self._named()
            data = self._sections.rest()
            first = await anext(data, b"")
            if not first and not filename:
                continue
            self._see(name)
            if name in FILES:
                yield FilePart(name, clean_filename(filename), _chain(first, data))
                continue
            text = await _text(name, _chain(first, data))
            values = {name: read_value(name, text.decode("utf-8", "replace"))} if name in CALLBACK else _object(text)
            if values:
                yield ParamsPart(values, f"the part `{name}`")
        if "image" not in self._seen:
            raise InvalidRequest("There is no part `image` in the multipart body.")
        await self._sections.epilogue()

    async def _named(self) -> tuple[str, str]:
        """The next part's name, and its file's, which may be empty."""
        fields = await self._sections.head()
        _, options = parse_options_header(fields.get(b"content-disposition", b""))
        name, filename = (options.get(key, b"").decode("utf-8", "replace") for key in (b"name", b"filename"))
        if name not in (*FILES, "params", *CALLBACK):
            raise InvalidRequest(
                f"The multipart body has a part {name[:64]!r}; it takes `image` (the file), `mask` (a second image "
                "file), `params` (JSON), `callback_url` and `callback_events`. "
                "Parameters go into `params`, or into the address."
            )
        encoding = fields.get(b"content-transfer-encoding", b"binary").lower()
        if encoding not in _AS_IT_IS:
            raise UnsupportedEncoding(
                f"The part `{name}` has the Content-Transfer-Encoding {encoding[:64].decode('latin-1')!r}, "
                "which is not read. Send its bytes as they are."
            )
        return name, filename

    def _see(self, name: str) -> None:
        if name in self._seen:
            raise InvalidRequest(f"The multipart body has the part `{name}` twice.")
        self._seen.add(name)


async def _text(name: str, chunks: AsyncIterator[bytes]) -> bytes:
    text = bytearray()
    async for chunk in chunks:
        text += chunk
        if len(text) > MAX_PARAMS_BYTES:
            raise InvalidRequest(f"The part `{name}` is larger than {MAX_PARAMS_BYTES:,} bytes.")
    return bytes(text)


def _object(text: bytes) -> dict[str, Any]:
    """The parameters of the part `params`, which may be empty."""
    return read_object(text, "The part `params`", '{"algorithm": "kmeans"}') if text else {}


async def _chain(first: bytes, others: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    if first:
        yield first
    async for chunk in others:
        yield chunk
