"""Answers that are made while they are sent, by the protocol of servers (ASGI) alone."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from fastapi import Response

from api.http.responses import SHORT_BYTES, Stream, streamed, without_body

PIECE = bytes(SHORT_BYTES)


class Chunks:
    """Chunks of which it is known how many were taken, and whether their taking was ended."""

    def __init__(self, *chunks: bytes | Exception) -> None:
        self._chunks = chunks
        self.taken, self.closed = 0, False

    async def __call__(self) -> AsyncIterator[bytes]:
        try:
            for chunk in self._chunks:
                if isinstance(chunk, Exception):
                    raise chunk
                self.taken += 1
                yield chunk
        finally:
            self.closed = True


class Client:
    """A client behind a server, who goes away when `leaves_after` chunks have been sent."""

    def __init__(self, leaves_after: int | None = None) -> None:
        self.messages: list[dict[str, Any]] = []
        self._leaves_after, self._gone = leaves_after, asyncio.Event()

    async def receive(self) -> dict[str, Any]:
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        self.messages.append(message)
        if self._leaves_after == sum(message["type"] == "http.response.body" for message in self.messages):
            self._gone.set()
        await asyncio.sleep(0)

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.messages)


def sent(chunks: Chunks, client: Client) -> Response:
    async def run() -> Response:
        response = await streamed(chunks(), "application/json")
        await response({"type": "http", "method": "GET"}, client.receive, client.send)
        others = asyncio.all_tasks() - {asyncio.current_task()}
        await asyncio.wait(others, timeout=1) if others else None
        assert not [task for task in others if not task.done()], "something goes on behind the answer"
        return response

    return asyncio.run(run())


def test_a_short_answer_has_its_length() -> None:
    """What is short is sent in one piece, and says how long it is."""
    client = Client()
    response = sent(Chunks(b"[1", b",2]"), client)
    assert response.headers["content-length"] == "5"
    assert [message["type"] for message in client.messages] == ["http.response.start", "http.response.body"]
    assert client.body == b"[1,2]"


def test_a_long_answer_is_sent_as_it_is_made() -> None:
    """What is long is sent chunk by chunk, each of them once, and says so with its end."""
    client, chunks = Client(), Chunks(b"[", PIECE, b"1", PIECE, b"]")
    response = sent(chunks, client)
    assert isinstance(response, Stream)
    assert "content-length" not in response.headers
    assert client.body == b"[" + PIECE + b"1" + PIECE + b"]"
    assert [message.get("more_body") for message in client.messages[1:]] == [True] * 4 + [False]
    assert chunks.closed


def test_a_client_that_goes_away_ends_its_answer() -> None:
    """When nobody reads any more no further chunk is made, and what made them is ended at once."""
    client, chunks = Client(leaves_after=2), Chunks(*[PIECE] * 50)
    sent(chunks, client)
    assert chunks.taken <= 4
    assert chunks.closed
    assert client.messages[-1]["more_body"] is True


def test_what_is_wrong_at_first_is_told_before_the_answer() -> None:
    """An error of the first chunk is raised while there is still an answer to be chosen."""
    client = Client()
    with pytest.raises(LookupError):
        sent(Chunks(LookupError()), client)
    assert client.messages == []


def test_what_is_wrong_later_breaks_the_answer_off() -> None:
    """An error in the middle is not covered up by an end: the client sees that it has not got all."""
    client, chunks = Client(), Chunks(PIECE, PIECE, LookupError())
    with pytest.raises(LookupError):
        sent(chunks, client)
    assert all(message.get("more_body", True) for message in client.messages)
    assert chunks.closed


def test_a_head_alone() -> None:
    """The answer to HEAD has no length unless it is known: of what is compressed on the way it is not."""
    assert "content-length" not in without_body("text/css", {"ETag": '"1"'}).headers
    assert without_body("image/png", {"Content-Length": "7"}).headers["content-length"] == "7"
