"""API keys for tests, made beside the store as an operator makes them."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any

import httpx
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from api.main import create_app
from shared.access.limits import KeyLimits
from shared.access.model import DEFAULT_SCOPES, Key, Made, made_key
from shared.access.store import KeyBook
from shared.jobs.model import now
from shared.runtime.settings import Settings
from tests.support.processes import Service, Store

UNKNOWN_JOB, UNKNOWN_IMAGE = "0" * 32, "0" * 64
ALL = tuple(str(scope) for scope in DEFAULT_SCOPES)


def bearer(made: Made) -> dict[str, str]:
    return {"Authorization": f"Bearer {made.text}"}


class Operator:
    """Makes and ends keys in a store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def make(self, name: str = "tests", *scopes: str, lasts: timedelta | None = None, **limits: Any) -> Made:
        made = made_key(name, frozenset(scopes or ALL), KeyLimits(**limits), now(), lasts)
        with self._book() as book:
            book.add(made.key)
        return made

    def revoke(self, made: Made) -> None:
        self._change(made, lambda key: key.revoked(now()))

    def rotate(self, made: Made, overlap: timedelta) -> Made:
        again: list[Made] = []

        def rotated(key: Key) -> Key:
            again.append(key.rotated(overlap, now()))
            return again[-1].key

        self._change(made, rotated)
        return again[-1]

    def _change(self, made: Made, change: Callable[[Key], Key]) -> None:
        with self._book() as book:
            assert book.change(made.key.id, change) is not None

    @contextmanager
    def _book(self) -> Iterator[KeyBook]:
        with self._store.client() as client:
            yield KeyBook(client)


def client_of(service: Service, made: Made, **options: Any) -> httpx.Client:
    """A client that sends the key, and has each job computed."""
    client = service.client(**options)
    client.headers.update(bearer(made))
    return client


def all_routes() -> list[tuple[str, str]]:
    """Method and path of every route that the gateway has, whether the document tells of it or not."""
    found: set[tuple[str, str]] = set()
    for included in create_app(Settings(auth="keys")).routes:
        inside: Any = getattr(included, "original_router", included)
        for route in getattr(inside, "routes", [inside]):
            methods = getattr(route, "methods", None) or {"WEBSOCKET"}
            found.update((method, route.path) for method in methods)
    return sorted(found)


def filled(path: str, **names: str) -> str:
    """A route's path with these for its parameters."""
    return re.sub(r"\{(\w+)(:\w+)?\}", lambda match: names.get(match[1], "x"), path)


def names(job_id: str, sha256: str) -> dict[str, str]:
    """For the parameters of any route."""
    return {"job_id": job_id, "sha256": sha256, "name": "labels.png", "ending": "json", "code": "not_found"}


def closed_with(guarded: Service, path: str, **fields: str) -> tuple[int, list[str]]:
    """The code with which a WebSocket is closed, and what was told before."""
    told: list[str] = []
    with connect(f"ws://127.0.0.1:{guarded.port}{path}", proxy=None, additional_headers=fields) as socket:
        with suppress(ConnectionClosed):
            while True:
                told.append(str(socket.recv(timeout=20)))
        assert socket.close_code is not None
        return socket.close_code, told
