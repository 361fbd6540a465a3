"""Answers that last go on outside of all that was there to begin them.

What an application is made of (errors, routes, dependencies, times) is some twenty calls deep, and keeps some 8 kB for
as long as an answer is under way. An event stream needs none of it any more once it has begun.
"""

from collections.abc import Awaitable, Callable
from typing import TypeAlias

from starlette.types import ASGIApp, Receive, Scope, Send

Rest: TypeAlias = Callable[[], Awaitable[None]]
_KEY = "huemill.rest"


class Continued:
    """Stands before all others: what `app` leaves to be done is done when its calls have returned."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        rest: list[Rest] = []
        scope[_KEY] = rest
        await self._app(scope, receive, send)
        while rest:
            await rest.pop()()


async def leave(rest: Rest, scope: Scope) -> None:
    """Have the rest of an answer done outside; here and now, where nothing stands there that would."""
    outside: list[Rest] | None = scope.get(_KEY)
    if outside is None:
        await rest()
    else:
        outside.append(rest)
