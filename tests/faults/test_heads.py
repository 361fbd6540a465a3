"""Fault 26: heads without end, heads that never come, and more connections than there is room for."""

import select
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from tests.support import health
from tests.support.calls import post
from tests.support.processes import Service, StoreServer, reset_peak, resident_bytes
from tests.support.raw import answers, connect, said_to
from tests.support.waiting import until

pytestmark = pytest.mark.alone


MB = 2**20
MOST_MB = 20
SENT_MB = 100
HEAD_SECONDS = 3.0
IDLE_SECONDS = 2.0
CONNECTIONS = 300
ATTACK_SECONDS = 3.0

Start = Callable[..., Service]
See = Callable[..., None]

GET = b"GET /healthz HTTP/1.1\r\nHost: x\r\n"
POST = b"POST /v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.fixture
def gateway(own_store: Callable[..., StoreServer], own_service: Start) -> Service:
    """A gateway that has taken an image before: its first one takes a tenth of a second longer."""
    settings = {"head_seconds": HEAD_SECONDS, "idle_seconds": IDLE_SECONDS}
    service = own_service(own_store(), **settings).start_gateway()
    with service.client() as client:
        assert post(client, wait=None).status_code == 202
    return service


def memory(service: Service, line: str = "VmRSS") -> float:
    assert service.gateway is not None
    return resident_bytes(service.gateway.pid, line) / MB


def forget_peak(service: Service) -> float:
    """The memory as it is now, from which its peak counts."""
    assert service.gateway is not None
    reset_peak(service.gateway.pid)
    return memory(service)


@pytest.mark.parametrize(
    ("begin", "again", "status", "code"),
    [
        (GET + b"X: ", b"a" * MB, 431, "head_too_large"),
        (b"GET /healthz?", b"a" * MB, 414, "address_too_long"),
        (GET, b"a: b\r\n" * (MB // 6), 431, "head_too_large"),
        (GET, (b"a" * 8000 + b": b\r\n") * 131, 431, "head_too_large"),
        (POST + b"0\r\n", b"a: b\r\n" * (MB // 6), 431, "head_too_large"),
        (POST + b"0\r\nX: ", b"a" * MB, 400, "invalid_request"),
        (POST + b"5;", b"a" * MB, 400, "invalid_request"),
        (b"", b"\r\n" * (MB // 2), 400, "invalid_request"),
    ],
    ids=["a field", "an address", "short fields", "long names", "trailers", "a trailer", "an extension", "empty lines"],
)
def test_26_heads_without_end(gateway: Service, saw: See, begin: bytes, again: bytes, status: int, code: str) -> None:
    """100 MB that are no request end in a word of why, at once, and cost nobody else anything."""
    before = health.quiet(gateway.port)
    at_rest = forget_peak(gateway)
    cut_after = 0
    with health.asked(gateway.port) as asked:
        over = time.monotonic() + ATTACK_SECONDS
        while time.monotonic() < over:
            with connect(gateway.port) as connection, suppress(BrokenPipeError, ConnectionResetError):
                connection.sendall(begin)
                for sent in range(SENT_MB):
                    connection.sendall(again)
                    cut_after = max(cut_after, sent + 1)
    # A client that does not send on for ever hears why.
    (answer,) = said_to(gateway.port, begin + again[: 2**18])
    answer.problem(status, code)
    grown = memory(gateway, "VmHWM") - at_rest
    assert cut_after < SENT_MB
    assert grown < MOST_MB
    saw(cut_after_mb=cut_after, memory_mb=grown, **health.check(asked, before))


@pytest.mark.parametrize("begun", [GET + b"X: " + b"a" * 2**14, b"GET /healthz?" + b"a" * 2**13, b"\r\n", b""])
def test_26_heads_that_never_come(gateway: Service, saw: See, begun: bytes) -> None:
    """300 connections with a half-sent head are told 408, those that never began one are closed without a word."""
    before = health.quiet(gateway.port)
    at_rest = forget_peak(gateway)
    with health.asked(gateway.port) as asked:
        begin = time.monotonic()
        waiting = [connect(gateway.port) for _ in range(CONNECTIONS)]
        for connection in waiting:
            connection.sendall(begun)
        told = [answers(connection) for connection in waiting]
        took = time.monotonic() - begin
        for connection in waiting:
            connection.close()
    for each in told:
        if begun.strip():
            each[0].problem(408, "head_stalled")
        else:
            assert each == []
    grown = memory(gateway, "VmHWM") - at_rest
    assert HEAD_SECONDS <= took < HEAD_SECONDS + 5
    assert grown < MOST_MB
    saw(closed_after_s=took, memory_mb=grown, **health.check(asked, before))


@pytest.mark.parametrize(("begin", "again", "told"), [(GET + b"X: ", b"a", True), (b"\r\n", b"\r\n", False)])
def test_26_a_byte_now_and_then(gateway: Service, begin: bytes, again: bytes, told: bool) -> None:
    """A head that comes byte by byte, as empty lines before it may, has no more time than one that does not come."""
    started = time.monotonic()  # before the gateway's time can begin
    with connect(gateway.port) as connection:
        connection.sendall(begin)
        while not select.select([connection], [], [], 0.2)[0]:
            assert time.monotonic() - started < HEAD_SECONDS + 5
            connection.sendall(again)
        assert time.monotonic() - started >= HEAD_SECONDS
        assert [each.status for each in answers(connection)] == ([408] if told else [])


def test_26_connections_that_nobody_uses(gateway: Service, saw: See) -> None:
    """300 connections that have had their answer and ask no more are closed."""
    begin = time.monotonic()
    used = [connect(gateway.port) for _ in range(CONNECTIONS)]
    for connection in used:
        connection.sendall(GET + b"\r\n")
    assert all([answer.status for answer in answers(connection)] == [200] for connection in used)
    took = time.monotonic() - begin
    for connection in used:
        connection.close()
    assert IDLE_SECONDS <= took < IDLE_SECONDS + 5
    saw(closed_after_s=took)


@pytest.mark.parametrize("framing", [b"Content-Length: 9999999999\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n"])
def test_26_a_body_that_nobody_reads(gateway: Service, saw: See, framing: bytes) -> None:
    """A body that goes on for ever after its answer ends with its connection."""
    before = health.quiet(gateway.port)
    piece = bytes(MB) if b"Length" in framing else b"%x\r\n" % MB + bytes(MB) + b"\r\n"
    cut_after = 0
    with health.asked(gateway.port) as asked, connect(gateway.port) as connection:
        connection.sendall(b"POST /nowhere HTTP/1.1\r\nHost: x\r\n" + framing)
        assert connection.recv(65536).startswith(b"HTTP/1.1 404 ")
        with suppress(BrokenPipeError, ConnectionResetError):
            while cut_after < SENT_MB:
                connection.sendall(piece)
                cut_after += 1
    assert cut_after < SENT_MB
    saw(cut_after_mb=cut_after, **health.check(asked, before))


@pytest.fixture
def small(own_store: Callable[..., StoreServer], own_service: Start) -> Service:
    return own_service(own_store(), max_connections=60, max_connections_per_address=40).start_gateway()


def is_open(connection: socket.socket) -> bool:
    return not select.select([connection], [], [], 0)[0]


@pytest.fixture
def crowd() -> Iterator[list[socket.socket]]:
    inside: list[socket.socket] = []
    yield inside
    for connection in inside:
        connection.close()


def test_26_one_host_leaves_room_for_others(small: Service, crowd: list[socket.socket], saw: See) -> None:
    """One address has its share of the connections, others find room; the whole has an end, and room comes back."""
    crowd += [connect(small.port, "127.0.0.2") for _ in range(50)]
    time.sleep(0.5)
    assert sum(map(is_open, crowd)) == 40
    refused = next(connection for connection in crowd if not is_open(connection))
    (answer,) = answers(refused)
    assert answer.problem(503, "too_many_connections")
    assert answer.headers["retry-after"]
    assert said_to(small.port, GET + b"Connection: close\r\n\r\n")[0].status == 200
    crowd += [connect(small.port, "127.0.0.3") for _ in range(30)]
    time.sleep(0.5)
    assert sum(map(is_open, crowd)) == 60
    for connection in crowd:
        connection.close()
    until(lambda: said_to(small.port, GET + b"Connection: close\r\n\r\n")[0].status == 200, "there is room again", 5)
    saw(held=60, of_one_address=40)
