"""A job's events over a WebSocket: by a client library, and by hand."""

import json
import os
import signal
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from api.server.edge import API_POLICY, FIELDS
from api.server.guarded_socket import MESSAGE_PIECES
from shared.jobs.keys import NEWS, events_key, job_key
from tests.support import raw
from tests.support.calls import finished, post, problem, server_sent_events
from tests.support.images import encoded, noise
from tests.support.processes import Service, StoreServer, resident_bytes, running
from tests.support.waiting import until

MB = 2**20
KEY = "dGhlIHNhbXBsZSBub25jZQ=="
ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="  # RFC 6455, section 1.3


def opened(service: Service, path: str, **options: Any) -> connect:
    return connect(f"ws://127.0.0.1:{service.port}{path}", proxy=None, **options)


def heard(client: ClientConnection) -> tuple[list[dict[str, Any]], int]:
    """All that comes, and the code with which it is closed."""
    events = []
    with suppress(ConnectionClosed):
        while True:
            events.append(json.loads(client.recv(timeout=30)))
    assert client.close_code is not None
    return events, client.close_code


def heard_of(service: Service, path: str) -> tuple[list[dict[str, Any]], int]:
    """All that a socket tells, and the code with which it is closed."""
    with opened(service, path) as client:
        return heard(client)


def by_hand(service: Service, path: str, method: str = "GET", **fields: str) -> socket.socket:
    """A connection that has asked for a WebSocket, and read nothing yet."""
    connection = raw.connect(service.port)
    head = {
        "Host": f"127.0.0.1:{service.port}",
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Key": KEY,
        "Sec-WebSocket-Version": "13",
        **{name.replace("_", "-"): value for name, value in fields.items()},
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
    connection.sendall(f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode())
    return connection


def frame(opcode: int, payload: bytes, *, last: bool = True) -> bytes:
    """A frame as a client sends it, with a mask of zeros."""
    size = len(payload)
    length = bytes([0x80 | size]) if size < 126 else b"\xfe" + struct.pack("!H", size)
    return bytes([0x80 * last | opcode]) + length + bytes(4) + payload


@pytest.fixture(scope="module")
def idle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A gateway without a worker: what is posted waits."""
    with running(tmp_path_factory.mktemp("idle"), workers=0) as made:
        yield made


@pytest.fixture
def waiting(idle: Service) -> Iterator[dict[str, Any]]:
    """A job that waits."""
    with idle.client() as client:
        yield post(client, wait=None).json()


def test_the_same_as_server_sent_events(service: Service, client: httpx.Client) -> None:
    """A socket tells each event with the id, name and data that a stream tells, and is closed after the last one."""
    job = post(client, encoded(noise(300, 300)), wait=None, n_clusters=4).json()
    events, code = heard_of(service, job["links"]["ws"])
    assert code == 1000
    with client.stream("GET", job["links"]["events"]) as answer:
        told = [{**event, "data": json.loads(event["data"])} for event in server_sent_events(answer.iter_lines())]
    assert events == told
    assert (events[0]["event"], events[-1]["event"]) == ("queued", "succeeded")
    for place in (0, len(events) // 2, len(events) - 1):
        rest = heard_of(service, f"{job['links']['ws']}?after={events[place]['id']}")
        assert rest == (events[place + 1 :], 1000)


def test_what_there_is_no_socket_for(service: Service, client: httpx.Client) -> None:
    """An unknown job closes it with 4404 and says why; an `after` that is no id with 4400."""
    for path, code in (
        (f"/v1/jobs/{'0' * 32}/ws", 4404),
        ("/v1/jobs/x/ws", 4404),
        (f"{finished(client)['links']['ws']}?after=now", 4400),
    ):
        with opened(service, path) as client:
            assert heard(client) == ([], code)
            assert client.close_reason


def test_a_job_that_goes_while_it_is_followed(idle: Service, waiting: dict[str, Any]) -> None:
    """Who has not heard its end is told that there is no such job, and not that the last event was told."""
    with opened(idle, waiting["links"]["ws"]) as client:
        assert json.loads(client.recv(10))["event"] == "queued"
        with idle.store.client() as redis:
            redis.delete(job_key(waiting["id"]), events_key(waiting["id"]))
            redis.publish(NEWS, f"{waiting['id']} progress")
        assert heard(client) == ([], 4404)


@pytest.mark.parametrize(
    ("method", "fields", "status", "code"),
    [
        ("GET", {"Sec-WebSocket-Key": ""}, 400, "invalid_request"),
        ("GET", {"Sec-WebSocket-Key": "c2hvcnQ="}, 400, "invalid_request"),
        ("GET", {"Sec-WebSocket-Version": "8"}, 400, "invalid_request"),
        ("POST", {"Content-Length": "0"}, 405, "method_not_allowed"),
        ("GET", {"Origin": "https://evil.example"}, 403, "origin_refused"),
        ("GET", {"Host": "evil.example"}, 421, "host_refused"),
    ],
)
def test_what_cannot_become_one(
    idle: Service, waiting: dict[str, Any], method: str, fields: dict[str, str], status: int, code: str
) -> None:
    """What is no handshake, and who may have none, is told by a problem document with the fields of every answer; it is
    no line in the log.
    """
    with by_hand(idle, waiting["links"]["ws"], method, **fields) as connection:
        head, _, body = raw.everything(connection).partition(b"\r\n\r\n")
    told = {
        name.lower(): value for name, _, value in (line.partition(": ") for line in head.decode().split("\r\n")[1:])
    }
    assert head.startswith(b"HTTP/1.1 %d " % status)
    assert told["content-type"] == "application/problem+json"
    document = json.loads(body)
    assert (document["status"], document["code"], document["type"]) == (status, code, f"/v1/errors/{code}")
    for name, value in FIELDS:
        assert told[name.lower()] == value
    assert told["content-security-policy"] == API_POLICY
    assert ("allow" in told) == (status == 405)
    assert idle.gateway is not None
    assert "without completing" not in idle.gateway.text()


def test_who_asks_without_an_upgrade(client: httpx.Client) -> None:
    """It is told that this is a WebSocket; elsewhere an upgrade is passed over."""
    job = finished(client)
    answer = client.get(job["links"]["ws"])
    problem(answer, 426, "upgrade_required")
    assert answer.headers["upgrade"] == "websocket"
    wish = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Key": KEY, "Sec-WebSocket-Version": "13"}
    assert client.get(job["links"]["self"], headers=wish).json()["id"] == job["id"]


def test_origins(own_store: Callable[..., StoreServer], own_service: Callable[..., Service]) -> None:
    """Pages of the gateway's own origin and of those that the operator names may open one, and who is no page."""
    service = own_service(own_store(), cors_origins="https://shop.example").start_gateway()
    with service.client() as http:
        path = post(http, wait=None).json()["links"]["ws"]
    for allowed in (None, f"http://127.0.0.1:{service.port}", "https://shop.example"):
        with opened(service, path, origin=allowed) as client:
            assert json.loads(client.recv(10))["event"] == "queued"
    for refused in ("https://evil.example", "null", "http://127.0.0.1", "http://shop.example"):
        with pytest.raises(InvalidStatus) as raised, opened(service, path, origin=refused):
            pass
        answer = raised.value.response
        assert (answer.status_code, json.loads(answer.body)["code"]) == (403, "origin_refused")


def test_prefixes_and_hosts(own_store: Callable[..., StoreServer], own_service: Callable[..., Service]) -> None:
    """Under a prefix the link is whole; for a host that is not answered for there is no socket."""
    service = own_service(own_store(), root_path="/colors", allowed_hosts="127.0.0.1").start_gateway()
    with service.client() as http:
        path = post(http, wait=None).json()["links"]["ws"]
    assert path.startswith("/colors/v1/jobs/")
    for same in (path, path.removeprefix("/colors")):  # a proxy may have cut the prefix off
        with opened(service, same) as client:
            assert json.loads(client.recv(10))["event"] == "queued"
    refused = by_hand(service, path, Host="evil.example")
    assert refused.recv(4096).startswith(b"HTTP/1.1 421 ")
    refused.close()


def test_a_gateway_that_stops(own_store: Callable[..., StoreServer], own_service: Callable[..., Service]) -> None:
    """Its sockets are closed with 1001, and at once: clients come back to another one."""
    service = own_service(own_store()).start_gateway()
    assert service.gateway is not None
    with service.client() as http:
        path = post(http, wait=None).json()["links"]["ws"]
    with opened(service, path) as client:
        assert json.loads(client.recv(10))["event"] == "queued"
        os.kill(service.gateway.pid, signal.SIGTERM)
        assert heard(client) == ([], 1001)
    service.gateway.wait_gone()
    assert "Traceback" not in service.gateway.text()


def test_what_a_client_says(idle: Service, waiting: dict[str, Any]) -> None:
    """A little is passed over and pings are answered; much at once, or much in all, ends it."""
    with opened(idle, waiting["links"]["ws"]) as client:
        client.send("hello")
        client.send(b"\x00" * 4096)
        assert client.ping().wait(10)
        assert json.loads(client.recv(10))["event"] == "queued"
    for say, code in (
        (lambda client: client.send("x" * 4097), 1009),
        (lambda client: [client.send("x") for _ in range(1100)], 1008),
    ):
        with opened(idle, waiting["links"]["ws"]) as client:
            talking = threading.Thread(target=_say, args=(say, client))
            talking.start()
            assert heard(client)[1] == code
            talking.join()


def test_a_message_of_many_pieces(idle: Service, waiting: dict[str, Any]) -> None:
    """A message may have some pieces; with one more it is too big, however small they are."""
    begun = frame(1, b"", last=False) + frame(0, b"", last=False) * (MESSAGE_PIECES - 1)
    connection, _, _ = greeted(idle, waiting)
    connection.sendall(begun + frame(9, b"there?"))
    assert connection.recv(64) == b"\x8a\x06there?"
    connection.sendall(frame(0, b"", last=False))
    assert connection.recv(64)[2:4] == struct.pack("!H", 1009)
    connection.close()


def _say(say: Callable[[ClientConnection], object], client: ClientConnection) -> None:
    with suppress(ConnectionClosed):  # it has heard enough
        say(client)


def test_by_hand(idle: Service, waiting: dict[str, Any]) -> None:
    """The handshake is RFC 6455's own example; an unmasked frame and one of a kind that there is not end it."""
    connection, head, rest = greeted(idle, waiting)
    assert head.startswith("HTTP/1.1 101 ")
    assert f"Sec-WebSocket-Accept: {ACCEPT}" in head
    assert rest[0] == 0x81, "one text frame"
    assert json.loads(rest[2 : 2 + rest[1]])["event"] == "queued"
    connection.sendall(frame(9, b"there?"))
    assert connection.recv(64) == b"\x8a\x06there?"
    connection.sendall(frame(8, struct.pack("!H", 1000)))
    assert raw.everything(connection) == b"\x88\x02\x03\xe8"
    for wrong in (b"\x81\x02no", frame(3, b"what")):
        connection.close()
        connection, _, _ = greeted(idle, waiting)
        connection.sendall(wrong)
        closing = raw.everything(connection)
        assert (closing[0], closing[2:4]) == (0x88, struct.pack("!H", 1002))
    connection.close()


def greeted(service: Service, job: dict[str, Any]) -> tuple[socket.socket, str, bytes]:
    """A connection on which a first event has come: it, the head of the answer, and the event's frame."""
    connection = by_hand(service, job["links"]["ws"])
    received = b""
    while b"queued" not in received:
        received += connection.recv(4096)
    head, _, rest = received.partition(b"\r\n\r\n")
    return connection, head.decode(), rest


@pytest.mark.parametrize("noise_of", [lambda: frame(9, b"x" * 125), lambda: frame(0, b"", last=False)])
def test_who_talks_and_does_not_read(idle: Service, waiting: dict[str, Any], noise_of: Callable[[], bytes]) -> None:
    """Pings whose answers nobody takes, and pieces of a message without an end, cost the gateway no memory."""
    assert idle.gateway is not None
    connection = by_hand(idle, waiting["links"]["ws"])
    connection.sendall(frame(1, b"", last=False))
    before = resident_bytes(idle.gateway.pid)
    connection.settimeout(1)
    try:
        for _ in range(500):
            connection.sendall(noise_of() * 1000)
    except OSError:
        pass  # it is read no more, or closed
    assert resident_bytes(idle.gateway.pid) - before < 20 * MB
    connection.close()


def test_who_goes_leaves_nothing(idle: Service, waiting: dict[str, Any]) -> None:
    """A client that is gone, politely or not, is followed for no longer."""
    one, other = (by_hand(idle, waiting["links"]["ws"]) for _ in range(2))
    until(lambda: followers(idle) == 2, "both follow")
    one.sendall(frame(8, struct.pack("!H", 1000)))
    other.close()
    until(lambda: followers(idle) == 0, "nobody follows any more", 5)
    one.close()


def followers(service: Service) -> int:
    with service.client() as client:
        figures = client.get("/metrics").text
    return int(float(next(line.split()[1] for line in figures.splitlines() if line.startswith("huemill_followers "))))
