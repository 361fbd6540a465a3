"""Which web pages may use the gateway, told to their browsers (Fetch standard, section 3.2)."""

from collections.abc import Sequence

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.http.origins import is_allowed

# Beside those that every page may send and read.
SENT = (
    "Authorization, Cache-Control, Content-Type, Idempotency-Key, If-Match, If-None-Match, If-Range, Last-Event-ID, "
    "Prefer, Range, X-API-Key"
)
READ = (
    "Accept-Ranges, Allow, Content-Disposition, Content-Range, ETag, Idempotent-Replayed, Location, "
    "Preference-Applied, RateLimit, RateLimit-Policy, Retry-After"
)
METHODS = "GET, HEAD, POST, DELETE"
PREFLIGHT_SECONDS = 600
_VARY = (b"vary", b"Origin")


class Cors:
    """Tells browsers that pages of these origins may read the answers of `app`; of others it tells nothing, which
    forbids it.
    """

    def __init__(self, app: ASGIApp, origins: Sequence[str]) -> None:
        self._app, self._origins = app, origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        fields = Headers(scope=scope)
        allowed = self._allowed(fields.get("origin"))
        if scope["method"] == "OPTIONS" and "access-control-request-method" in fields:
            told = [*allowed, *(_PREFLIGHT if len(allowed) > 1 else [])]
            await send({"type": "http.response.start", "status": 204, "headers": told})
            await send({"type": "http.response.body"})
            return
        if len(allowed) > 1:
            allowed.append((b"access-control-expose-headers", READ.encode()))

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *allowed]
            await send(message)

        await self._app(scope, receive, sending)

    def _allowed(self, origin: str | None) -> list[tuple[bytes, bytes]]:
        """What is told of an origin; that the answer depends on it is told in any case."""
        if origin is None or not is_allowed(origin, self._origins):
            return [_VARY]
        return [_VARY, (b"access-control-allow-origin", origin.encode("latin-1"))]


_PREFLIGHT = [
    (b"access-control-allow-methods", METHODS.encode()),
    (b"access-control-allow-headers", SENT.encode()),
    (b"access-control-max-age", str(PREFLIGHT_SECONDS).encode()),
]
