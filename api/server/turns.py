"""Turns: of many requests that come at once some begin and the others wait, so that the loop's rounds stay short.

A thousand requests that begin together make each other's every step wait for a thousand steps, and need a thousand
connections to Redis. One after the other they take less time in all; and what tells whether the gateway lives, which
does not wait for a turn, is answered between two of them. Whoever says that he waits (`api/http/waiting.py`) gives his
turn back at once: else those who wait would keep all others out.
"""

import asyncio
from collections.abc import Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.http import waiting

AT_ONCE = 16
# A head alone may come before any work is done.
_BEGUN = ("http.response.body", "websocket.send", "websocket.close")
# Who has answered nothing by then waits for something, and has not said so: a body, Redis. That is no work either.
BEGINNING_SECONDS = 0.1


class Turns:
    """Lets `AT_ONCE` requests begin in `app` at the same time, in the order in which they came."""

    def __init__(self, app: ASGIApp, without: frozenset[str], apart: frozenset[str] = frozenset()) -> None:
        """`without`: paths that do not wait for a turn; `apart`: that have turns of their own, as many."""
        self._app, self._without, self._apart = app, without, apart
        self._turn, self._turn_apart = asyncio.Semaphore(AT_ONCE), asyncio.Semaphore(AT_ONCE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan" or scope["path"] in self._without:
            await self._app(scope, receive, send)
            return
        turn = self._turn_apart if scope["path"] in self._apart else self._turn
        await turn.acquire()
        begun = _Once(turn.release)
        waiting.hear(scope, begun)
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
