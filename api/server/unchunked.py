"""Answers to HTTP/1.0, which knows no chunks (RFC 9112, section 6.1): what has no length ends with its connection."""

from typing import Protocol

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Cycle(Protocol):
    """What uvicorn keeps of an answer, as far as it is seen here."""

    chunked_encoding: bool | None
    """None until it is known whether the answer has a length."""
    expected_content_length: int


def unchunked(app: ASGIApp, cycle: Cycle) -> ASGIApp:
    """`app` for a request of HTTP/1.0, whose connection uvicorn closes after the answer in any case."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        endless = False

        async def sending(message: Message) -> None:
            nonlocal endless
            if message["type"] == "http.response.start":
                endless = b"content-length" not in [name.lower() for name, _ in message["headers"]]
                if endless:
                    cycle.chunked_encoding = False
            elif endless:
                cycle.expected_content_length = len(message.get("body", b""))
            await send(message)

        await app(scope, receive, sending)

    return answer
