"""Defects of the application are answered where its answers are counted, and where web pages may read them.

Starlette answers what nobody has caught outside of all that stands around the routes: no metric has seen that answer,
and to a page of another origin it is an error of the network.
"""

import logging

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.http.problems import defect

log = logging.getLogger("huemill.api")


class Defects:
    """Answers what `app` fails with by 500 `internal`, and logs it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = False

        async def sending(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, sending)
        except Exception:
            if begun:  # what has begun cannot become another answer: its connection is broken off
                raise
            log.exception("%s %r: a defect", scope["method"], scope["path"])
            await defect()(scope, receive, send)
