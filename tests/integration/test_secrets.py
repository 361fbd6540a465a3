"""Secrets stay where they are: Redis' password, the key of S3, API keys and what callbacks are signed with stand in no
log, answer, metric, trace or `ps`.
"""

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import StringIO
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from shared.runtime import logs
from tests.support.calls import finished, post, problem
from tests.support.jobs import IMPATIENT, LONG, posted
from tests.support.keys import Operator, client_of
from tests.support.object_store import ObjectStore
from tests.support.processes import Service, StoreServer, descendants_of, free_port
from tests.support.serving import Serving
from tests.support.waiting import until

REDIS, S3 = "s3cr3t-of/redis:it", "s3cr3t-of-the-bucket"


def leaks(heard: dict[str, bytes], *more: str) -> list[str]:
    """Where a secret stands, with what is around it."""
    forms = {form.encode() for secret in (REDIS, S3, *more) for form in (secret, quote(secret, safe=""))}
    return [
        f"{where}: …{text[max(0, at - 150) : at + 60]!r}…"
        for where, text in heard.items()
        for form in forms
        if (at := text.find(form)) >= 0
    ]


def process_list(*pids: int) -> dict[str, bytes]:
    """The command lines of processes and all that they have started, as anybody on the machine can read them."""
    everyone = [pid for parent in pids for pid in (parent, *descendants_of(parent))]
    return {f"ps {pid}": Path(f"/proc/{pid}/cmdline").read_bytes() for pid in everyone}


class Listener:
    """Takes the traces, as bytes, and the answers of a client."""

    def __init__(self) -> None:
        self.heard: dict[str, bytes] = {}
        listener = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                listener.note("trace", body)
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Says nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        Thread(target=self._server.serve_forever, daemon=True).start()

    def note(self, where: str, text: bytes) -> None:
        self.heard[f"{where} {len(self.heard)}"] = text

    def answer(self, response: httpx.Response) -> None:
        if "events" not in response.url.path:
            self.note(f"{response.request.url}", repr(response.headers).encode() + response.read())

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def listener() -> Iterator[Listener]:
    made = Listener()
    yield made
    made.stop()


@contextmanager
def another_password(store: StoreServer) -> Iterator[None]:
    """Nobody who comes anew is let in, and nobody stays."""
    with store.client() as redis:
        redis.config_set("requirepass", "another")
        redis.client_kill_filter(_type="normal", skipme=True)
        yield
        redis.config_set("requirepass", REDIS)


@pytest.mark.parametrize("log_format", ["json", "text"])
def test_whatever_goes_wrong(
    own_store: Callable[..., StoreServer],
    own_service: Callable[..., Service],
    tmp_path: Path,
    listener: Listener,
    log_format: str,
) -> None:
    """Redis with another password, Redis gone, the bucket gone, keys that are wrong, in the midst of jobs: all is told,
    but no secret.
    """
    store, bucket = own_store(password=REDIS), ObjectStore(tmp_path)
    service = own_service(store, **IMPATIENT, blob_url=bucket.blob_url, log_format=log_format, auth="keys")
    operator = Operator(store)
    key = operator.make("secret", "admin")
    mistyped = f"{str(key.text)[:-1]}{'0' if str(key.text)[-1] != '0' else '1'}"
    service.environment |= bucket.environment | {"AWS_SECRET_ACCESS_KEY": S3, "OTEL_BSP_SCHEDULE_DELAY": "100"}
    service.environment["OTEL_EXPORTER_OTLP_ENDPOINT"] = listener.url
    service.start_gateway()
    worker = service.start_worker(metrics_port=free_port())
    service.wait_for_workers()
    with client_of(service, key, event_hooks={"response": [listener.answer]}) as client:
        finished(client)
        ps = process_list(service.gateway.pid, worker.pid) if service.gateway else {}
        for wrong in (mistyped, str(key.text)[:-1], f"x{key.text}"):
            client.get("/v1/jobs", headers={"Authorization": f"Bearer {wrong}"})
        posted(client, **LONG)
        with another_password(store):
            until(lambda: client.get("/readyz").status_code == 503, "the gateway is let in no more")
            problem(post(client, wait=None), 503, "unavailable")
            client.get("/metrics")
            until(lambda: "invalid username-password" in worker.text(), "the worker says so")
        store.kill()
        until(lambda: client.get("/readyz").status_code == 503, "the gateway says so")
        client.get("/metrics")
        client.get("/v1/jobs")
        store.start()
        service.wait_for_workers()
        posted(client)
        bucket.stop()
        problem(post(client, wait=None), 503, "storage")
        until(lambda: "S3" in worker.text() or "storage" in worker.text(), "the worker has met it")
    service.stop()
    told = {log.name: log.read_bytes() for log in service.folder.glob("*.log")}
    assert {"gateway.log", "worker-1.log"} <= told.keys()
    assert any(where.startswith("trace") for where in listener.heard)
    assert len(ps) >= 3
    assert leaks({**told, **listener.heard, **ps}, key.text.secret, key.callback_secret) == []


def test_what_serve_starts(
    own_store: Callable[..., StoreServer], serve: Callable[..., Serving], listener: Listener
) -> None:
    """`huemill serve` hands the URL on where nobody else can read it; its terminal and its logs do not show it."""
    store = own_store(password=REDIS)
    serving = serve("--workers", "1", HUEMILL_REDIS_URL=store.url, AWS_SECRET_ACCESS_KEY=S3, HUEMILL_LOG_FORMAT="text")
    with httpx.Client(base_url=serving.url, trust_env=False, event_hooks={"response": [listener.answer]}) as client:
        finished(client)
        ps = process_list(serving.child.pid)
        with another_password(store):
            until(lambda: client.get("/readyz").status_code == 503, "the gateway is let in no more")
    told = {path.name: path.read_bytes() for path in [serving.child.log, *(serving.data / "logs").iterdir()]}
    assert {"gateway.log", "worker-1.log", "stack.log"} <= told.keys()
    assert len(ps) >= 4
    assert leaks({**told, **listener.heard, **ps}) == []


@pytest.mark.parametrize("log_format", ["json", "text"])
def test_a_traceback_shows_no_values(log_format: Any) -> None:
    """What went wrong is logged with the lines of code, not with the values that were at hand."""
    handler = logging.StreamHandler(text := StringIO())
    handler.setFormatter(logs.formatter(log_format))
    options: dict[str, Any] = {"password": REDIS}
    try:
        raise ConnectionError(f"no, with {len(options)} options")
    except ConnectionError:
        made = logging.LogRecord("huemill.test", logging.ERROR, __file__, 1, "it failed", (), sys.exc_info())
        handler.handle(made)
    assert "ConnectionError" in text.getvalue()
    assert leaks({"log": text.getvalue().encode()}) == []
