"""A JSON object: one image, at most one mask, and the parameters beside them.

{"image_url": "https://example.com/photo.jpg", "mask_base64": "iVBOR…", "algorithm": "kmeans", "n_clusters": 4}
"""

import re
from collections import deque
from collections.abc import AsyncIterator
from functools import cached_property
from typing import Any

from fastapi import Request

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
from api.intake.forms.base64_text import Base64Decoder, NotBase64
from api.intake.forms.long_strings import LongStrings, Piece
from shared.contract.errors import LONG, FieldError, InvalidParams, InvalidRequest
from shared.contract.params import read_object
from shared.runtime.settings import Settings

KINDS = ("base64", "url", "sha256")
_SHA256 = re.compile(r"[0-9a-f]{64}")


class JsonForm:
    """Base64 is decoded as it streams; white space in it is passed over, and a data: URL is taken as well."""

    def __init__(self, request: Request, settings: Settings) -> None:
        limit = len(FILES) * settings.max_upload_bytes * 4 // 3 + OVERHEAD_BYTES
        self._stream = stream(request, limit, settings)
        self._query = query_params(request)
        self._text = LongStrings([f"{file}_base64" for file in FILES], MAX_PARAMS_BYTES)
        self._found: deque[Piece] = deque()
        self._seen: set[str] = set()

    async def files(self) -> AsyncIterator[Incoming]:
        while await self._fill():
            name = self._found[0].name
            if name in self._seen:
                raise InvalidRequest(f"The JSON body has {name} twice.")
            self._seen.add(name)
            yield Incoming(name.removesuffix("_base64"), None, self._chunks(name))
        self._check_sources()

    @cached_property
    def references(self) -> dict[str, Reference]:
        found: dict[str, Reference] = {}
        for file in FILES:
            if f"{file}_url" in self._object:
                found[file] = Reference("url", self._value(f"{file}_url"))
            if f"{file}_sha256" in self._object:
                name = f"{file}_sha256"
                sha256 = self._value(name).lower()
                if not _SHA256.fullmatch(sha256):
                    raise _wrong(name, sha256, "should be 64 hexadecimal digits, as POST /v1/images answers them")
                found[file] = Reference("sha256", sha256)
        return found

    @property
    def params(self) -> dict[str, Any]:
        sources = {f"{file}_{kind}" for file in FILES for kind in KINDS}
        params = {name: value for name, value in self._object.items() if name not in sources}
        return one_set_of_params(params, self._query, "the JSON body")

    async def _chunks(self, name: str) -> AsyncIterator[bytes]:
        """The bytes of the file whose turn it is, as they come."""
        decoder = Base64Decoder()
        try:
            while await self._fill():
                piece = self._found.popleft()
                decoded = decoder.feed(piece.text)
                if decoded:
                    yield decoded
                if piece.last:
                    yield decoder.end()
                    return
        except NotBase64 as error:
            raise _wrong(name, LONG, str(error)) from None

    async def _fill(self) -> bool:
        """Read until something is found; False at the body's end."""
        while not self._found:
            chunk = await anext(self._stream, b"")
            if not chunk:
                return False
            self._found.extend(self._text.feed(chunk))
        return True

    @cached_property
    def _object(self) -> dict[str, Any]:
        """What the body says, with empty strings for the base64."""
        return read_object(bytes(self._text.rest), "The body", '{"image_base64": "…", "algorithm": "kmeans"}')

    def _check_sources(self) -> None:
        """Each file comes in one way, and the image does come."""
        for file in FILES:
            ways = [f"{file}_{kind}" for kind in KINDS]
            given = [way for way in ways if way in self._object]
            if len(given) > 1:
                raise InvalidRequest(f"The JSON body has {' and '.join(given)}: give one of them.")
            if file == "image" and not given:
                raise InvalidRequest(f"The JSON body has no image: give one of {', '.join(ways)}.")
            if given == [f"{file}_base64"] and given[0] not in self._seen:
                raise _wrong(given[0], self._object[given[0]], "should be a string of base64")

    def _value(self, name: str) -> str:
        value = self._object[name]
        if not isinstance(value, str):
            raise _wrong(name, value, "should be a string")
        return value


def _wrong(name: str, value: Any, message: str) -> InvalidParams:
    return InvalidParams([FieldError(field=name, value=value, message=message)])
