"""Turns: of many requests that come at once some begin and the others wait, so that the loop's rounds stay short.

A thousand requests that begin together make each other's every step wait for a thousand steps, and need a thousand
connections to Redis. One after the other they take less time in all; and what tells whether the gateway lives, which
does not wait for a turn, is answered between two of them.
"""

import asyncio
from collections.abc import Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

AT_ONCE = 16
# A head alone may come before any work is done.
_BEGUN = ("http.response.body", "websocket.send", "websocket.close")
# Who has answered nothing by then waits for something: a body, a job, Redis. That is no work, and others begin.
BEGINNING_SECONDS = 0.1


class Turns:
    """Lets `AT_ONCE` requests begin in `app` at the same time, in the order in which they came."""

    def __init__(self, app: ASGIApp, without: frozenset[str]) -> None:
        """`without`: paths that do not wait for a turn."""
        self._app, self._without = app, without
        self._turn = asyncio.Semaphore(AT_ONCE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan" or scope["path"] in self._without:
            await self._app(scope, receive, send)
            return
        await self._turn.acquire()
        begun = _Once(self._turn.release)
        timer = asyncio.get_running_loop().call_later(BEGINNING_SECONDS, begun)

        async def sending(message: Message) -> None:
            if message["type"] in _BEGUN:
                begun()
            await send(message)

        try:
            await self._app(scope, receive, sending)
        finally:
            timer.cancel()
            begun()


class _Once:
    """Calls the first time only."""

    def __init__(self, call: Callable[[], None]) -> None:
        self._call: Callable[[], None] | None = call

    def __call__(self) -> None:
        if self._call is not None:
            self._call()
            self._call = None
