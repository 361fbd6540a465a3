"""What stands before all routes: which hosts are answered, the prefix of a proxy, the policy of every answer."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import metrics
from api.http.problems import STATUS, problem
from api.server.hosts import Answers
from shared.contract.errors import HostRefused

# For every answer that has none of its own: it is data, whatever a browser is led to believe.
API_POLICY = "default-src 'none'; frame-ancestors 'none'"
_API_POLICY = (b"content-security-policy", API_POLICY.encode())
# Of every answer, also of those that no route makes.
FIELDS = (
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
)
# Whatever balances load asks these by number, not by name; and they tell nothing.
_FOR_ANY_HOST = ("/healthz", "/readyz")


class Edge:
    """Takes requests for `app` under `prefix` ("" or "/some/path"), and for the hosts that it `answers`."""

    def __init__(self, app: ASGIApp, prefix: str, answers: Answers) -> None:
        self._app, self._prefix, self._answers = app, prefix, answers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if self._prefix:
            _put_under(self._prefix, scope)
        if not self._answers_for(scope):
            await self._refuse(scope, receive, send)
        elif scope["type"] == "http":
            await self._app(scope, receive, _with_policy(send))
        else:
            await self._app(scope, receive, send)

    def _answers_for(self, scope: Scope) -> bool:
        if self._answers(_host(scope)):
            return True
        path: str = scope["path"]
        return path.removeprefix(self._prefix) in _FOR_ANY_HOST

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        metrics.refused.labels(HostRefused.code).inc()
        answer = problem(STATUS[HostRefused], HostRefused.code, "This gateway does not answer for that host.")
        await answer(scope, receive, _with_policy(send))


def _host(scope: Scope) -> str:
    """The host that is asked for, without its port."""
    value = next((value for name, value in scope["headers"] if name == b"host"), b"").decode("latin-1").lower()
    return value.partition("]")[0] + "]" if value.startswith("[") else value.partition(":")[0]


def _put_under(prefix: str, scope: Scope) -> None:
    """Tell the application where it is mounted; a proxy may have cut the prefix off, or not."""
    path: str = scope["path"]
    scope["root_path"] = prefix
    if path != prefix and not path.startswith(prefix + "/"):
        scope["path"] = prefix + path
        scope["raw_path"] = prefix.encode("ascii") + scope["raw_path"]


def _with_policy(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            fields = message["headers"]
            if b"content-security-policy" not in [name for name, _ in fields]:
                message["headers"] = [*fields, _API_POLICY]
        await send(message)

    return sending
