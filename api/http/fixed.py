"""Answers that are the same as long as the gateway runs: kept by clients, and compressed once for all who take that."""

import asyncio
import gzip
import hashlib
from functools import cached_property

from fastapi import Response

from api.http.caching import etag_of, is_known
from api.http.compression import is_text
from api.http.files import FileRequest

ASK_AGAIN = "no-cache"
"""For what is another after the next deployment: it is kept, and asked for whether it still holds."""


class Fixed:
    """One answer, from memory: however many take it slowly, they share the same bytes."""

    def __init__(self, content: bytes, media_type: str, cache_control: str = ASK_AGAIN) -> None:
        self._content, self._media_type, self._cache_control = content, media_type, cache_control
        self._digest = hashlib.sha256(content).hexdigest()

    @cached_property
    def _packed(self) -> bytes:
        return gzip.compress(self._content, mtime=0)

    async def answer(self, asked: FileRequest) -> Response:
        """The answer to GET or HEAD. Raises PreconditionFailed."""
        packed = asked.gzip and is_text(self._media_type)
        etag = etag_of(self._digest, *(["gzip"] if packed else []))
        headers = {"ETag": etag, "Cache-Control": self._cache_control}
        if is_text(self._media_type):
            headers["Vary"] = "Accept-Encoding"
        if is_known(asked.conditions, etag):
            return Response(status_code=304, headers=headers)
        content = self._content
        if packed:
            headers["Content-Encoding"] = "gzip"
            content = await asyncio.to_thread(lambda: self._packed)
        return Response(content, 200, headers, self._media_type)
