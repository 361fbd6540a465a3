"""Requests as bytes: which heads are taken, which are refused and how, and that the connection goes on or ends."""

import socket
import time

import pytest

from api.server.edge import API_POLICY
from tests.conftest import ONE_STORE
from tests.support.calls import finished
from tests.support.images import SMALL_PNG, encoded, noise
from tests.support.processes import Service
from tests.support.raw import Answer, answer, answers, connect, everything, said_to

pytestmark = ONE_STORE

HEAD_BYTES, ADDRESS_BYTES, FIELDS = 2**15, 2**14, 100
GET = b"GET /healthz HTTP/1.1\r\nHost: x\r\n"
CLOSE = b"Connection: close\r\n\r\n"
POST = b"POST /v1/jobs HTTP/1.1\r\nHost: x\r\nCache-Control: no-cache\r\nContent-Type: image/png\r\n"


def only(found: list[Answer]) -> Answer:
    assert len(found) == 1, found
    return found[0]


def head_of(size: int) -> bytes:
    """A head whose address and fields have so many bytes, as they are counted: of a field also `: ` and its end."""
    rest = size - len("/healthz") - len("Host: x\r\n") - len("Connection: close\r\n") - len("X: \r\n")
    return GET + b"X: " + b"a" * rest + b"\r\n" + CLOSE


def test_a_head_may_have_so_many_bytes(service: Service) -> None:
    """A head of exactly the limit is taken, one with a byte more is 431."""
    assert only(said_to(service.port, head_of(HEAD_BYTES))).status == 200
    only(said_to(service.port, head_of(HEAD_BYTES + 1))).problem(431, "head_too_large")


def test_a_head_may_have_so_many_fields(service: Service) -> None:
    """A hundred fields are taken, one more is 431."""
    more = [b"X%d: y\r\n" % number for number in range(FIELDS)]
    assert only(said_to(service.port, GET + b"".join(more[: FIELDS - 2]) + CLOSE)).status == 200
    only(said_to(service.port, GET + b"".join(more[: FIELDS - 1]) + CLOSE)).problem(431, "head_too_large")


def test_an_address_may_have_so_many_bytes(service: Service) -> None:
    """An address of exactly the limit is taken, one with a byte more is 414."""
    query = b"a" * (ADDRESS_BYTES - len("/healthz?"))
    rest = b" HTTP/1.1\r\nHost: x\r\n" + CLOSE
    assert only(said_to(service.port, b"GET /healthz?" + query + rest)).status == 200
    only(said_to(service.port, b"GET /healthz?" + query + b"a" + rest)).problem(414, "address_too_long")


def test_a_head_comes_in_any_pieces(service: Service) -> None:
    """Cut after every byte, a head is what it is as a whole."""
    assert only(said_to(service.port, *(bytes([byte]) for byte in GET + CLOSE))).status == 200
    pieces = [head_of(HEAD_BYTES + 1)[begin : begin + 1000] for begin in range(0, HEAD_BYTES + 2000, 1000)]
    only(said_to(service.port, *pieces, pause=0.001)).problem(431, "head_too_large")


@pytest.mark.parametrize("coding", [b"gzip, chunked", b"x, chunked"])
def test_codings_of_a_body_that_are_not_undone(service: Service, coding: bytes) -> None:
    """A body that is coded in more ways than in chunks is refused by their name, and not taken for the image."""
    chunks = b"%x\r\n%b\r\n0\r\n\r\n" % (len(SMALL_PNG), SMALL_PNG)
    refused = only(said_to(service.port, POST + b"Transfer-Encoding: " + coding + b"\r\n" + CLOSE + chunks))
    refused.problem(415, "unsupported_encoding")
    assert coding in refused.body
    taken = only(said_to(service.port, POST + b"Transfer-Encoding: Chunked\r\n" + CLOSE + chunks))
    assert taken.status == 202


def test_who_still_sends_hears_the_answer(service: Service) -> None:
    """A client that sends half a megabyte too much and only then listens is told why, not just cut off."""
    for _ in range(20):
        only(said_to(service.port, GET + b"X: " + b"a" * 2**19)).problem(431, "head_too_large")


@pytest.mark.parametrize(
    "fields",
    [
        b"",
        b"Host: a\r\nHost: b\r\n",
        b"Host: a\r\nHost: a\r\n",
        b"Host: a/b\r\n",
        b"Host: a@b\r\n",
        b"Host: a b\r\n",
        b"Host: [::1\r\n",
        b"Host: a\r\nX: y\r\n folded: on\r\n",
        b"Host: a\r\nX : y\r\n",
        b"Host: a\r\nno colon\r\n",
        b"Host: a\r\nX: a\0b\r\n",
        b"Host: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n",
        b"Host: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n",
        b"Host: a\r\nContent-Length: -1\r\n",
        b"Host: a\r\nContent-Length: 99999999999999999999999\r\n",
        b"Host: a\r\nTransfer-Encoding: chunked, gzip\r\n",
    ],
    ids=repr,
)
def test_what_is_no_request(service: Service, fields: bytes) -> None:
    """A head that breaks HTTP's rules, above all one that two readers could understand differently, is 400."""
    found = only(said_to(service.port, b"POST /healthz HTTP/1.1\r\n" + fields + b"\r\n"))
    found.problem(400, "invalid_request")


@pytest.mark.parametrize(
    "line",
    [
        b"GET /healthz",
        b"GET /healthz HTTP/2.0",
        b"GET /healthz HTTP/3.0",
        b"\x16\x03\x01\x02\0\x01",
        b"GET  HTTP/1.1",
        b"CONNECT x:443 HTTP/1.1",
    ],
)
def test_what_is_no_request_line(service: Service, line: bytes) -> None:
    """Other protocols, TLS among them, and other versions are 400."""
    only(said_to(service.port, line + b"\r\nHost: x\r\n\r\n")).problem(400, "invalid_request")


def test_hosts_that_are_asked_for(service: Service) -> None:
    """One host is asked for, by name or number, with a port or without; HTTP/1.0 need not ask for any."""
    for host in (b"x", b"x:8000", b"127.0.0.1", b"[::1]:8000", b"a.b-c_d.example", b""):
        head = b"GET /healthz HTTP/1.1\r\nHost: " + host + b"\r\n" + CLOSE
        assert only(said_to(service.port, head)).status == 200
    assert only(said_to(service.port, b"GET /healthz HTTP/1.0\r\n\r\n")).status == 200


def test_an_address_with_a_host(service: Service) -> None:
    """A host in the address is the one that is asked for, whatever the field says; it is held to the same rules."""
    for address in (b"http://x/healthz", b"HTTP://x:8000/healthz", b"https://[::1]/healthz"):
        for host in (b"Host: x\r\n", b"Host: other\r\n"):
            answer = only(said_to(service.port, b"GET " + address + b" HTTP/1.1\r\n" + host + CLOSE))
            assert (answer.status, answer.body) == (200, b'{"status":"ok"}')
    for address in (b"http://a@x/healthz", b"http://x y/healthz", b"http://x\\y/healthz"):
        only(said_to(service.port, b"GET " + address + b" HTTP/1.1\r\nHost: x\r\n\r\n")).problem(400, "invalid_request")


def test_an_old_client(service: Service) -> None:
    """HTTP/1.0 knows no chunks and no `Expect`: an answer without a length ends with its connection."""
    with service.client() as client:
        job = finished(client, encoded(noise(300, 300)))
        for href in (job["links"]["self"], job["links"]["result"] + "?labels=inline", job["links"]["events"]):
            expected = client.get(href).content
            for method, body in ((b"GET", expected), (b"HEAD", b"")):
                with connect(service.port) as connection:
                    connection.sendall(method + b" " + href.encode() + b" HTTP/1.0\r\n\r\n")
                    head, _, received = everything(connection).partition(b"\r\n\r\n")
                assert b"transfer-encoding" not in head.lower()
                assert received == body
    head = b"POST /v1/jobs HTTP/1.0\r\nCache-Control: no-cache\r\nContent-Type: image/png\r\nExpect: 100-continue\r\n"
    head += b"Content-Length: %d\r\n\r\n"
    answer = only(said_to(service.port, head % len(SMALL_PNG) + SMALL_PNG))
    assert answer.status == 202


@pytest.mark.parametrize(
    "chunk", [b"x\r\n", b"-1\r\n", b"1\r\nab\r\n", b"FFFFFFFFFFFFFFFFF\r\n", b"1 1\r\na\r\n"], ids=repr
)
def test_what_is_no_chunk(service: Service, chunk: bytes) -> None:
    """A body that breaks the rules of chunks is 400 at once, and nothing of it is left."""
    found = only(said_to(service.port, POST + b"Transfer-Encoding: chunked\r\n\r\n" + chunk))
    found.problem(400, "invalid_request")
    assert service.orphans() == []


def test_every_refusal_has_the_headers_of_every_answer(service: Service) -> None:
    """What no route has answered is kept from browsers' guesses as all else is."""
    refused = only(said_to(service.port, head_of(HEAD_BYTES + 1)))
    lost = only(said_to(service.port, b"GET /nowhere HTTP/1.1\r\nHost: x\r\n" + CLOSE))
    well = only(said_to(service.port, GET + CLOSE))
    for each in (refused, lost, well):
        assert each.headers["x-content-type-options"] == "nosniff"
        assert each.headers["x-frame-options"] == "DENY"
        assert each.headers["referrer-policy"] == "no-referrer"
        assert each.headers["cross-origin-resource-policy"] == "same-origin"
        assert each.headers["content-security-policy"] == API_POLICY
        assert "server" not in each.headers


def test_requests_in_a_row(service: Service) -> None:
    """Requests that are sent without waiting are answered in their order; far too many are answered in part."""
    few = [b"GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n", GET + b"\r\n", GET + CLOSE]
    assert [each.status for each in said_to(service.port, b"".join(few))] == [404, 200, 200]
    many = said_to(service.port, (GET + b"\r\n") * 1000)
    assert 1 <= len(many) <= 100
    assert {each.status for each in many} == {200}


def test_what_is_wrong_comes_after_what_is_owed(service: Service) -> None:
    """A good request before a bad one is answered; then the connection ends."""
    found = said_to(service.port, GET + b"\r\n" + b"GET /healthz HTTP/1.1\r\nno colon\r\n\r\n")
    assert found[0].status == 200
    assert [each.status for each in found[1:]] in ([], [400])


def test_a_connection_goes_on_after_a_body_that_nobody_wanted(service: Service) -> None:
    """A body that comes after its answer is passed over, and the next request on the connection is answered."""
    with connect(service.port) as connection:
        connection.sendall(b"POST /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n")
        assert answer(connection).status == 404
        connection.sendall(bytes(100_000) + GET + CLOSE)
        assert only(answers(connection)).status == 200


def test_trailers_are_no_headers(service: Service) -> None:
    """What stands behind the last chunk is passed over: it cannot change what the request asks for."""
    body = b"%x\r\n" % len(SMALL_PNG) + SMALL_PNG + b"\r\n0\r\nPrefer: wait=30\r\n\r\n"
    first = only(said_to(service.port, POST + b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n" + body))
    assert first.status == 202
    assert "preference-applied" not in first.headers


@pytest.mark.parametrize("pause", [0, 0.002])
def test_an_upgrade_that_is_not_known(service: Service, pause: float) -> None:
    """Who would rather speak another protocol is answered in this one, and the body of the request is not lost."""
    wish = b"Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABk\r\n"
    length = b"Content-Length: %d\r\n\r\n" % len(SMALL_PNG)
    chunks = b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % len(SMALL_PNG) + SMALL_PNG + b"\r\n0\r\n\r\n"
    whole = POST + wish + length + SMALL_PNG + POST + wish + chunks + GET + wish + b"\r\n" + GET + CLOSE
    pieces = [whole[begin : begin + 50] for begin in range(0, len(whole), 50)] if pause else [whole]
    assert [each.status for each in said_to(service.port, *pieces, pause=pause)] == [202, 202, 200, 200]
    old = b"GET /healthz HTTP/1.0\r\n" + wish + b"\r\n"
    assert only(said_to(service.port, old)).status == 200


def test_a_client_that_closes_its_side(service: Service) -> None:
    """A half of a head and an end: the connection is given up without a word."""
    with connect(service.port) as connection:
        connection.sendall(GET)
        connection.shutdown(socket.SHUT_WR)
        begin = time.monotonic()
        assert answers(connection) == []
        assert time.monotonic() - begin < 5
