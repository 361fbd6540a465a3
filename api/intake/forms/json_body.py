"""A JSON object: one image, at most one mask, and the parameters beside them.

{"image_url": "https://example.com/photo.jpg", "mask_base64": "iVBOR…", "algorithm": "kmeans", "n_clusters": 4}
"""

import re
from collections import deque
from collections.abc import AsyncIterator, Mapping
from typing import Any

from api.intake.forms.base64_text import Base64Decoder, NotBase64
from api.intake.forms.long_strings import LongStrings, Piece
from api.intake.forms.parts import FILES, MAX_PARAMS_BYTES, FilePart, ParamsPart, Parts, ReferencePart
from shared.contract.errors import LONG, FieldError, InvalidParams, InvalidRequest
from shared.contract.params import read_object

KINDS = ("base64", "url", "sha256")
_SHA256 = re.compile(r"[0-9a-f]{64}")


class JsonForm:
    """Base64 is decoded as it streams; white space in it is passed over, and a data: URL is taken as well."""

    def __init__(self, chunks: AsyncIterator[bytes]) -> None:
        self._body = chunks
        self._text = LongStrings([f"{file}_base64" for file in FILES], MAX_PARAMS_BYTES)
        self._found: deque[Piece] = deque()
        self._seen: set[str] = set()

    async def parts(self) -> Parts:
        """The files as they come; then, when all of the body is known, what it names and its parameters."""
        while await self._fill():
            name = self._found[0].name
            if name in self._seen:
                raise InvalidRequest(f"The JSON body has {name} twice.")
            self._seen.add(name)
            yield FilePart(name.removesuffix("_base64"), None, self._chunks(name))
        # With empty strings for the base64, which has gone by: so are the places counted that errors name.
        source = "The body, its base64 not counted," if self._seen else "The body"
        members = read_object(bytes(self._text.rest), source, '{"image_base64": "…", "algorithm": "kmeans"}')
        _check_sources(members, self._seen)
        for file in FILES:
            if f"{file}_url" in members:
                yield ReferencePart(file, "url", _string(members, f"{file}_url"))
            if f"{file}_sha256" in members:
                yield ReferencePart(file, "sha256", _sha256(members, f"{file}_sha256"))
        sources = {f"{file}_{kind}" for file in FILES for kind in KINDS}
        params = {name: value for name, value in members.items() if name not in sources}
        if params:
            yield ParamsPart(params, "the JSON body")

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
            chunk = await anext(self._body, b"")
            if not chunk:
                return False
            self._found.extend(self._text.feed(chunk))
        return True


def _check_sources(members: Mapping[str, Any], seen: set[str]) -> None:
    """Each file comes in one way, and the image does come. `seen`: the members that were strings of base64."""
    for file in FILES:
        ways = [f"{file}_{kind}" for kind in KINDS]
        given = [way for way in ways if way in members]
        if len(given) > 1:
            raise InvalidRequest(f"The JSON body has {' and '.join(given)}: give one of them.")
        if file == "image" and not given:
            raise InvalidRequest(f"The JSON body has no image: give one of {', '.join(ways)}.")
        if given == [f"{file}_base64"] and given[0] not in seen:
            raise _wrong(given[0], members[given[0]], "should be a string of base64")


def _string(members: Mapping[str, Any], name: str) -> str:
    value = members[name]
    if not isinstance(value, str):
        raise _wrong(name, value, "should be a string")
    return value


def _sha256(members: Mapping[str, Any], name: str) -> str:
    value = _string(members, name).lower()
    if not _SHA256.fullmatch(value):
        raise _wrong(name, value, "should be 64 hexadecimal digits, as POST /v1/images answers them")
    return value


def _wrong(name: str, value: Any, message: str) -> InvalidParams:
    return InvalidParams([FieldError(field=name, value=value, message=message)])
