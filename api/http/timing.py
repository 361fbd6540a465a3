"""Each request's time, counted for Prometheus by its route."""

import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import metrics

_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}


class Timed:
    """Counts and times the requests of `app` by their route."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begin = time.perf_counter()

        async def observed(message: Message) -> None:
            if message["type"] == "http.response.start":
                route = getattr(scope.get("route"), "path", "(none)")
                labels = (_method(scope), route, str(message["status"]))
                metrics.requests.labels(*labels).observe(time.perf_counter() - begin)
            await send(message)

        await self._app(scope, receive, observed)


def _method(scope: Scope) -> str:
    """The method, as long as it is one of HTTP's: clients can make up any number of others."""
    method = str(scope["method"])
    return method if method in _METHODS else "(other)"
