"""Keys under attack, against real processes: what one tries of another's, what Redis holds, a key that is revoked."""

import re
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from datetime import timedelta
from pathlib import Path
from threading import Thread

import httpx
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from shared.access.model import Made
from tests.support.calls import finished, post
from tests.support.images import encoded, noise
from tests.support.keys import Operator, all_routes, bearer, client_of, filled
from tests.support.processes import Service, StoreServer
from tests.support.waiting import until

STOPS_WITHIN = 5.0
# For what a busy machine adds to a time that is measured from outside.
BUSY = 1.5


def stream_ends(client: httpx.Client, path: str, ends: list[float]) -> Thread:
    """Follows events until the gateway ends the answer, and notes when."""

    def follow() -> None:
        with client.stream("GET", path, timeout=60) as answer:
            assert answer.status_code == 200
            for _ in answer.iter_lines():
                pass
        ends.append(time.monotonic())

    thread = Thread(target=follow)
    thread.start()
    return thread


def waits(client: httpx.Client, path: str, ends: list[float]) -> Thread:
    """Waits for a change for a minute, and notes when the answer came."""

    def ask() -> None:
        assert client.get(f"{path}?wait=60", timeout=90).status_code == 401
        ends.append(time.monotonic())

    thread = Thread(target=ask)
    thread.start()
    return thread


def following(gateway: Service, key: Made) -> int:
    """How many follow a job there, in whichever way."""
    with client_of(gateway, key) as client:
        (number,) = re.findall(r"^huemill_followers (\d+)", client.get("/metrics").text, re.MULTILINE)
    return int(number)


def test_a_revoked_key_stops(
    own_store: Callable[..., StoreServer], own_service: Callable[..., Service], saw: Callable[..., None]
) -> None:
    """Within five seconds, at each of two gateways: requests are 401, event streams end, sockets are closed with 4401,
    who waits is told so; another key, with a stream of its own, notices nothing.
    """
    store = own_store()
    gateways = [own_service(store, auth="keys").start_gateway() for _ in range(2)]
    operator, ends, others_end = Operator(store), list[float](), list[float]()
    gone, stays = operator.make("gone"), operator.make("stays")
    with ExitStack() as opened:
        clients = [opened.enter_context(client_of(gateway, gone)) for gateway in gateways]
        other = opened.enter_context(client_of(gateways[0], stays))
        links, others = (post(client, wait=None).json()["links"] for client in (clients[0], other))
        followers = [stream_ends(client, links["events"], ends) for client in clients for _ in range(5)]
        followers += [waits(client, links["self"], ends) for client in clients]
        neighbour = stream_ends(other, others["events"], others_end)
        sockets = [
            opened.enter_context(
                connect(f"ws://127.0.0.1:{gateway.port}{links['ws']}", proxy=None, additional_headers=bearer(gone))
            )
            for gateway in gateways
        ]
        for socket in sockets:
            assert "queued" in str(socket.recv(timeout=10))
        assert all(client.get(links["self"]).status_code == 200 for client in clients)
        watching = operator.make("watches", "metrics")
        until(lambda: [following(gateway, watching) for gateway in gateways] == [8, 7], "all of them follow")

        revoked = time.monotonic()
        operator.revoke(gone)
        refused = []
        for client in clients:
            until(lambda client=client: client.get(links["self"]).status_code == 401, "it is refused", 2 * STOPS_WITHIN)
            refused.append(time.monotonic() - revoked)
        for socket in sockets:
            with suppress(ConnectionClosed):
                while True:
                    socket.recv(timeout=2 * STOPS_WITHIN)
            ends.append(time.monotonic())
            assert socket.close_code == 4401
        for follower in followers:
            follower.join(2 * STOPS_WITHIN)
        assert not any(follower.is_alive() for follower in followers)
        ended = [end - revoked for end in ends]
        saw(requests_refused_after=max(refused), streams_and_sockets_ended_after=max(ended))
        assert len(ended) == 14
        assert max(refused + ended) < STOPS_WITHIN * BUSY
        assert all(client.get(links["events"]).status_code == 401 for client in clients)
        assert neighbour.is_alive()
        assert others_end == []
        assert other.post(others["cancel"]).status_code == 200
        neighbour.join(2 * STOPS_WITHIN)
        assert len(others_end) == 1


def files_of(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_no_key_in_clear(own_store: Callable[..., StoreServer], own_service: Callable[..., Service]) -> None:
    """After all that can be done with keys, on every route, neither what Redis has written, nor any log, nor a blob
    holds one; nobody's id opens anything of another's.
    """
    store = own_store()
    service = own_service(store, auth="keys").start_gateway()
    service.start_worker()
    service.wait_for_workers()
    operator = Operator(store)
    alice, bob = operator.make("alice", max_queued=50, pixels_per_hour=10**6), operator.make("bob", "admin")
    with client_of(service, alice) as hers, client_of(service, bob) as his:
        job = finished(hers, encoded(noise(6, 6)))
        sha256 = hers.post("/v1/images", files={"image": encoded(noise(6, 6))}).json()["sha256"]
        names = {"job_id": job["id"], "sha256": sha256, "name": "labels.png", "ending": "css", "code": "timeout"}
        tried = 0
        for method, path in all_routes():
            if ("{job_id}" in path or "{sha256}" in path) and not path.endswith("/ws"):
                assert his.request(method, filled(path, **names)).status_code == 404, (method, path)
                tried += 1
        assert tried >= 20
        assert hers.get(job["links"]["self"]).json()["status"] == "succeeded"
        again = operator.rotate(alice, timedelta(0))
        until(lambda: hers.get("/v1/jobs").status_code == 401, "the older one is over", 10)
        operator.revoke(bob)
    service.stop()
    secrets = [made.text.secret for made in (alice, again, bob)]
    # The append-only file has every command that has written anything, as it came.
    places = {path.name: path.read_bytes() for folder in (store.folder, service.folder) for path in files_of(folder)}
    assert {"gateway.log", "worker-1.log"} <= set(places)
    assert any(alice.key.secrets[0].digest.encode() in text for name, text in places.items() if ".aof" in name)
    found = [where for where, text in places.items() for secret in secrets if secret.encode() in text]
    assert found == []
