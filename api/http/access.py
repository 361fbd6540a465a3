"""Who is let in: every request but a few wants an API key, before anything else is looked at.

What stands here holds for every address, also of routes that nobody has thought of here: those are closed.
"""

from collections.abc import Sequence

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket

from api.access.caller import Caller
from api.access.keyring import Keyring
from api.access.quotas import Quotas
from api.http.closing import close
from api.http.problems import problem_of
from api.http.rate_limits import rate_limit_fields
from shared.access.model import Scope as KeyScope
from shared.contract.errors import HuemillError, InsufficientScope

# These are for everybody: what balances load asks, what an error means, and the pages, which tell what the service is
# and not what it has.
OPEN = ("/", "/healthz", "/readyz", "/docs", "/openapi.json", "/v1/errors")
OPEN_BELOW = ("/docs/", "/page/", "/v1/errors/")
CALLER = "huemill.caller"


def is_open(path: str) -> bool:
    """Whether the address answers without a key."""
    return path in OPEN or path.startswith(OPEN_BELOW)


def wanted_scope(method: str, path: str) -> KeyScope:
    """What a key must be for."""
    # Whatever begins so: the patterns of routes take the end of a line behind a path, too (`/metrics%0A`).
    if path.startswith("/metrics"):
        return KeyScope.METRICS
    return KeyScope.READ if method in ("GET", "HEAD") else KeyScope.WRITE


class Access:
    """Lets those requests through to `app` that have a key for them, and counts them against its quota."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = "" if scope["type"] == "lifespan" else scope["path"].removeprefix(scope.get("root_path", ""))
        if scope["type"] == "lifespan" or is_open(path):
            await self._app(scope, receive, send)
            return
        services = scope["app"].state.services
        try:
            caller = await services[Keyring].caller_of(_key(scope["headers"]))
            wanted = wanted_scope(scope.get("method", "GET"), path)
            if caller.key is not None and not caller.key.may(wanted):
                raise InsufficientScope(wanted)
        except HuemillError as error:
            await _refuse(error, scope, receive, send)
            return
        telling = _telling(caller, send) if scope["type"] == "http" else send
        try:
            await services[Quotas].take_request(caller)
        except HuemillError as error:
            await _refuse(error, scope, receive, telling)
            return
        scope[CALLER] = caller
        await self._app(scope, receive, telling)


def _key(fields: Sequence[tuple[bytes, bytes]]) -> str | None:
    """What a request's head has as a key. A key that is given twice is none: nobody knows which one counts."""
    given = []
    for name, value in fields:
        if name == b"x-api-key":
            given.append(value)
        elif name == b"authorization":
            scheme, _, rest = value.partition(b" ")
            if scheme.lower() == b"bearer":
                given.append(rest)
    if not given:
        return None
    return given[0].decode("latin-1").strip() if len(set(given)) == 1 else ""


async def _refuse(error: HuemillError, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "http":
        await problem_of(error)(scope, receive, send)
        return
    socket = WebSocket(scope, receive, send)
    await socket.accept()  # of an answer to an upgrade that is none, a browser tells its page nothing
    await close(socket, error)


def _telling(caller: Caller, send: Send) -> Send:
    """Sends with the head of an answer what the caller may still use; and that a cache keeps it for nobody else, who
    may know of no `X-API-Key`.
    """
    limited = caller.limits.requests is not None or caller.limits.of_jobs

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            fields = [*message["headers"], *(rate_limit_fields(caller) if limited else [])]
            if b"cache-control" not in [name for name, _ in fields]:
                fields.append((b"cache-control", b"private, no-cache"))
            message["headers"] = fields
        await send(message)

    return sending
