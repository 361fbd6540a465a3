"""Which web pages a browser lets use the gateway (Fetch standard; RFC 6455, section 10.2; Fetch Metadata)."""

from collections.abc import Sequence

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from api.http.problems import problem_of
from shared.contract.errors import OriginRefused

_SAFE = ("GET", "HEAD", "OPTIONS")


class ForeignPages:
    """Refuses what a page of another site has its visitor's browser send to `app`. Such a page can read no answer, but
    its forms need no leave to fill the queue and the disk of a gateway that asks for no keys. Browsers say where a
    request comes from (`Sec-Fetch-Site`); others have no visitors.
    """

    def __init__(self, app: ASGIApp, origins: Sequence[str]) -> None:
        self._app, self._origins = app, origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] not in _SAFE:
            fields = Headers(scope=scope)
            origin = fields.get("origin", "")
            if fields.get("sec-fetch-site") == "cross-site" and not is_allowed(origin, self._origins):
                answer = problem_of(OriginRefused(f"Pages of {origin[:200] or 'other sites'} may send nothing here."))
                await answer(scope, receive, send)
                return
        await self._app(scope, receive, send)


def is_allowed(origin: str, origins: Sequence[str]) -> bool:
    """Whether the operator has named the origin of a page, or all."""
    return "*" in origins or origin.lower() in (each.lower() for each in origins)


def may_connect(origin: str | None, host: str, origins: Sequence[str]) -> bool:
    """Whether a WebSocket may be opened: by who is no page and sends no origin, by the gateway's own pages, and by
    those that the operator has named. A browser asks nobody else before it opens one.
    """
    if origin is None or is_allowed(origin, origins):
        return True
    return origin.lower().partition("://")[2] == host.lower()
