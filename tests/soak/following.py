"""How clients of a soak follow a job to its end: by asking, by waiting, by its events, by a WebSocket."""

import json
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import httpx
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.sync.client import connect

from tests.soak.ledger import Ledger
from tests.support.calls import server_sent_events

# Three attempts, each with a lease, a sweep, a message that is sent again, on a machine that does much else.
MOST_SECONDS_TO_END = 90.0
WAIT_SECONDS = 5
ENDED = ("succeeded", "failed", "cancelled")


class Unfinished(Exception):
    """A job, or the service, is not heard of in time."""


class Follower:
    """Asks after jobs, for as long as Redis may be away."""

    def __init__(self, http: httpx.Client, fields: dict[str, str], ledger: Ledger) -> None:
        """`fields`: sent with every request; `http` sends them by itself."""
        self._http, self._fields, self._ledger = http, fields, ledger

    def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Asked again while Redis is away."""
        deadline = time.monotonic() + MOST_SECONDS_TO_END
        while time.monotonic() < deadline:
            answer = self._http.request(method, path, **options)
            if answer.status_code != 503:
                return answer
            time.sleep(0.3)
        raise Unfinished(f"{method} {path} is 503 for {MOST_SECONDS_TO_END:g} s")

    def ended(self, path: str, *, wait: bool = False) -> dict[str, Any]:
        """The job once it has ended. `wait`: the service answers when there is something new."""
        deadline = time.monotonic() + MOST_SECONDS_TO_END
        fields: dict[str, str] = {}
        while time.monotonic() < deadline:
            answer = self.ask("GET", path, params={"wait": WAIT_SECONDS} if wait else {}, headers=fields)
            if answer.status_code == 304:
                assert fields, "nothing is new to who knows nothing"
                continue
            assert answer.status_code == 200, f"an accepted job: {answer.status_code} {answer.text}"
            job: dict[str, Any] = answer.json()
            if job["status"] in ENDED:
                return job
            if wait:
                assert answer.headers["ETag"] != fields.get("If-None-Match"), "the same is told as something new"
                fields = {"If-None-Match": answer.headers["ETag"]}
            else:
                time.sleep(0.1)
        raise Unfinished(f"{path} has not ended in {MOST_SECONDS_TO_END:g} s: {json.dumps(job)}")

    def events(self, path: str, *, socket: bool = False) -> list[str]:
        """The names of the job's events, up to its end; what breaks off is resumed."""
        names: list[str] = []
        last: str | None = None

        def hear(event_id: str, name: str) -> None:
            nonlocal last
            last = event_id
            names.append(name)

        listen = self._by_socket if socket else self._by_stream
        deadline = time.monotonic() + MOST_SECONDS_TO_END
        while time.monotonic() < deadline:
            listen(path, last, hear)
            if names and names[-1] in ENDED:
                return names
            self._ledger.count("sockets broken off" if socket else "streams broken off")
            time.sleep(0.2)
        raise Unfinished(f"the events of {path} do not end: {names}")

    def _by_stream(self, path: str, last: str | None, hear: Callable[[str, str], None]) -> None:
        headers = {} if last is None else {"Last-Event-ID": last}
        with (
            suppress(httpx.RemoteProtocolError),
            self._http.stream("GET", f"{path}/events", headers=headers) as answer,
        ):
            assert answer.status_code in (200, 503), answer.read()
            for event in server_sent_events(answer.iter_lines() if answer.is_success else iter(())):
                hear(event["id"], event["event"])

    def _by_socket(self, path: str, last: str | None, hear: Callable[[str, str], None]) -> None:
        url = f"ws://{urlsplit(str(self._http.base_url)).netloc}{path}/ws" + (f"?after={last}" if last else "")
        try:
            with connect(url, proxy=None, additional_headers=self._fields) as socket:
                while True:
                    event = json.loads(socket.recv(timeout=MOST_SECONDS_TO_END))
                    hear(event["id"], event["event"])
        except ConnectionClosed as closed:
            code = closed.rcvd.code if closed.rcvd else None
            assert code in (1000, 1001, 1013), f"the socket of {path} was closed with {code}"
        except InvalidHandshake:
            self._ledger.count("sockets refused")
