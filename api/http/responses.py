"""Answers that were made as plain values, or are made while they are sent."""

import asyncio
import functools
import time
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from typing import Any, cast

import orjson
from fastapi import Request, Response
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from api.http.continued import leave

SHORT_BYTES = 2**15
LISTENING_SECONDS = 5.0


class Json(Response):
    """A value as JSON, by orjson."""

    media_type = "application/json"

    def __init__(self, content: Any, status_code: int = 200, headers: dict[str, str] | None = None) -> None:
        super().__init__(content, status_code, headers)

    def render(self, content: Any) -> bytes:
        return orjson.dumps(content)


class Stream(StreamingResponse):
    """Chunks that end with their client; for HEAD, none of them.

    Starlette ends them by cancelling, whose traceback holds the latest chunk until garbage is next collected: megabytes
    for some hundred clients that went away. Here it is seen between two chunks; a server's `send` waits no longer than
    its client is there.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        gone = asyncio.create_task(_disconnect(receive))
        try:
            async with aclosing(cast(AsyncGenerator[bytes], self.body_iterator)) as chunks:
                await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
                if scope["method"] == "HEAD":
                    await send({"type": "http.response.body", "body": b"", "more_body": False})
                    return
                async for chunk in chunks:
                    if gone.done():
                        return
                    await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            gone.cancel()


class Told(StreamingResponse):
    """Chunks that come now and then, and of which there may be thousands: see `Continued`. Whether their client is gone
    is looked at now and then: a task for each that waits for it would take 2 kB.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        chunks = cast(AsyncGenerator[bytes], self.body_iterator)
        await leave(functools.partial(_tell, chunks, scope, receive, send), scope)


async def _tell(chunks: AsyncGenerator[bytes], scope: Scope, receive: Receive, send: Send) -> None:
    looked = time.monotonic()
    async with aclosing(chunks):
        async for chunk in chunks:
            if time.monotonic() - looked > LISTENING_SECONDS:
                looked = time.monotonic()
                if await Request(scope, receive).is_disconnected():
                    return
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def streamed(
    chunks: AsyncIterator[bytes], media_type: str, headers: Mapping[str, str] | None = None, status: int = 200
) -> Response:
    """An answer of chunks that come one by one; a short one is sent in one piece, with its length.

    The first chunk is awaited here: what is wrong is told before the answer has begun.
    """
    begun = b""
    async for chunk in chunks:
        begun += chunk
        if len(begun) >= SHORT_BYTES:
            return Stream(_chain(begun, chunks), status, headers, media_type)
    return Response(begun, status, headers, media_type)


async def _chain(first: bytes, others: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for chunk in others:
        yield chunk


async def head_of(chunks: AsyncIterator[bytes], media_type: str, headers: Mapping[str, str]) -> Response:
    """The answer to HEAD where GET's is `streamed`: what is wrong is told alike, as the first chunk is awaited."""
    async with aclosing(cast(AsyncGenerator[bytes], chunks)):
        await anext(chunks, b"")
    return without_body(media_type, headers)


def without_body(media_type: str, headers: Mapping[str, str], status: int = 200) -> Response:
    """The answer to HEAD: of what GET would send, the head alone."""
    response = Response(status_code=status, headers=dict(headers), media_type=media_type)
    if "Content-Length" not in headers:
        del response.headers["Content-Length"]  # it would be 0, which it is not
    return response
