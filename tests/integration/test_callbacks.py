"""Callbacks: what a receiver gets, how often, and what receivers may do to who calls them."""

import ssl
import threading
import time
from contextlib import closing
from http.server import BaseHTTPRequestHandler
from itertools import pairwise
from pathlib import Path

import pytest
import trustme
from standardwebhooks import WebhookVerificationError

from api.callbacks import sender as sender_module
from api.callbacks.post import MAX_ANSWER_BYTES
from api.callbacks.sender import MAX_SENDING_TO_HOST
from shared.jobs.deliveries import delivery_id
from shared.jobs.keys import OUTBOX, delivery_key
from tests.integration.test_fetch import Names
from tests.support.bench import Bench
from tests.support.calling import RECEIVER, SECRETS, Calling, calling, verified
from tests.support.tls import Authority
from tests.support.web import Web, breaks_tls, gives, in_turn, raw, redirects

OK = gives(b"thanks")


def test_what_a_receiver_gets(calls: Calling, web: Web) -> None:
    """One signed message, which any library for Standard Webhooks verifies with either of two secrets, and with no
    other; it tells the job as GET answers it.
    """
    job = calls.failed(web.url("/hook"))
    delivery = calls.send(job)
    (post,) = web.posts
    body = verified(post, SECRETS[0])
    assert verified(post, SECRETS[1]) == body
    with pytest.raises(WebhookVerificationError):
        verified(post, SECRETS[0].replace("AQEB", "AgEB"))
    with pytest.raises(WebhookVerificationError):
        verified(post._replace(body=post.body.replace(b"failed", b"fooled")))
    assert set(body) == {"type", "timestamp", "data"}
    assert (body["type"], body["data"]["id"], body["data"]["status"]) == ("job.failed", job.id, "failed")
    assert (body["data"]["error"]["code"], body["data"]["result"]) == ("broken_image", None)
    assert len(post.body) < 20_000
    assert post.headers["webhook-id"] == delivery.id == delivery_id(job.id, "failed")
    assert post.headers["Content-Type"] == "application/json"
    assert (delivery.state, [attempt.status for attempt in delivery.attempts]) == ("delivered", [200])


def test_a_failed_attempt_is_made_again(calls: Calling, web: Web) -> None:
    """Whatever a receiver answers but 2xx is an attempt that does not count: the next has the same id and body, a later
    time and a valid signature.
    """
    web.answers["/hook"] = in_turn(gives(b"", 503), raw(b"no HTTP at all\r\n\r\n"), gives(b"", 204))
    delivery = calls.send(calls.failed(web.url("/hook")))
    assert delivery.state == "delivered"
    assert [(attempt.status, attempt.error) for attempt in delivery.attempts] == [
        (503, "status"),
        (None, "protocol"),
        (204, None),
    ]
    assert all(verified(post) for post in web.posts)
    assert len({(post.headers["webhook-id"], post.body) for post in web.posts}) == 1
    times = [post.at for post in web.posts]
    assert all(later - earlier >= 0.1 for earlier, later in pairwise(times))


def test_what_is_given_up_is_kept_and_can_be_replayed(calls: Calling, web: Web, bench: Bench) -> None:
    """After its last attempt a delivery is given up, listed for a week, and made again when somebody asks for it."""
    web.answers["/hook"] = gives(b"", 500)
    job = calls.failed(web.url("/hook"))
    delivery = calls.send(job)
    assert (delivery.state, len(delivery.attempts), len(web.posts)) == ("given_up", 3, 3)
    assert calls.parts.run(calls.outbox.overview()).given_up == 1
    with bench.server.client() as client:
        assert 6.9 * 86400 < client.ttl(delivery_key(delivery.id)) <= 7 * 86400
        assert client.zrange(OUTBOX, 0, -1) == []
    web.answers["/hook"] = OK
    assert calls.parts.run(calls.outbox.replay(delivery))
    with bench.server.client() as client:
        assert client.ttl(delivery_key(delivery.id)) == -1
    again = calls.send(job)
    assert (again.state, len(again.attempts)) == ("delivered", 4)
    assert len({post.headers["webhook-id"] for post in web.posts}) == 1
    assert calls.parts.run(calls.outbox.overview()).given_up == 0


def test_gone_ends_it(calls: Calling, web: Web) -> None:
    """A receiver that answers 410 is not called again."""
    web.answers["/hook"] = gives(b"", 410)
    delivery = calls.send(calls.failed(web.url("/hook")))
    assert (delivery.state, delivery.attempts[-1].error, len(web.posts)) == ("given_up", "gone", 1)


def test_retry_after_is_heard(calls: Calling, web: Web) -> None:
    """A receiver that asks for a second is left alone for a second."""
    web.answers["/hook"] = in_turn(gives(b"", 429, Retry_After="1"), OK)
    assert calls.send(calls.failed(web.url("/hook"))).state == "delivered"
    first, second = (post.at for post in web.posts)
    assert 1 <= second - first < 8


@pytest.mark.parametrize(
    "asked", ["Wed, 21 Oct 99999999999 07:28:00 GMT", "Wed, 21 Oct 2015 07:28:00 +99999999999999", "-1", "soon"]
)
def test_a_retry_after_that_is_none(calls: Calling, web: Web, asked: str) -> None:
    """A time that no clock reaches is not heard, and what was answered with it counts: the message is sent once."""
    web.answers["/hook"] = gives(b"", 200, Retry_After=asked)
    delivery = calls.send(calls.failed(web.url("/hook")))
    assert (delivery.state, len(delivery.attempts), len(web.posts)) == ("delivered", 1, 1)


def test_no_redirect_is_followed(calls: Calling, webs: dict[str, Web], web: Web) -> None:
    """Where a receiver points to is not called, and the attempt does not count."""
    other = webs["127.0.0.3"]
    web.answers["/hook"] = in_turn(redirects(other.url("/hook")), redirects("/elsewhere", 308), OK)
    delivery = calls.send(calls.failed(web.url("/hook")))
    assert [attempt.error for attempt in delivery.attempts] == ["redirect", "redirect", None]
    assert other.connections == 0
    assert {post.path for post in web.posts} == {"/hook"}


@pytest.mark.parametrize("length", [{}, {"Content_Length": str(2**30)}])
def test_long_answers_are_cut_off(calls: Calling, web: Web, length: dict[str, str]) -> None:
    """A receiver that sends a gigabyte for an answer has its message, and is left after 64 kB."""
    sent = 0

    def pour(handler: BaseHTTPRequestHandler) -> None:
        nonlocal sent
        gives(b"", 200, **({"Content_Length": str(2**30)} | length))(handler)
        while sent < 2**30:
            handler.wfile.write(bytes(2**16))
            sent += 2**16

    web.answers["/hook"] = pour
    assert calls.send(calls.failed(web.url("/hook"))).state == "delivered"
    assert sent < 2**26, "what sockets hold, and no more"
    assert MAX_ANSWER_BYTES == 2**16


def test_receivers_that_hang_hold_nobody_else(bench: Bench, webs: dict[str, Web], web: Web) -> None:
    """Hundreds of deliveries wait for a receiver that never answers; one to another host is made at once, and the first
    has no more than its share of connections.
    """
    over = threading.Event()
    web.answers["/hang"] = raw(*[b""] * 100, pause=1.0, stop=over)
    good = webs["127.0.0.3"]
    with calling(bench, web) as calls:
        good.answers["/hook"] = OK
        stuck = [calls.failed(web.url("/hang")) for _ in range(40)]
        job = calls.failed(good.url("/hook"), host="127.0.0.3")
        sender, begin = calls.sender(timeout_seconds=20), time.monotonic()

        async def all_it_may_have() -> bool:
            return web.connections >= MAX_SENDING_TO_HOST

        calls.send_until(all_it_may_have, sender, close=False)
        assert calls.send(job, sender).state == "delivered"
        assert time.monotonic() - begin < 10, "before the first one's time is over"
        assert web.connections == MAX_SENDING_TO_HOST
        states = [calls.deliveries(each)[0].state for each in stuck]
        assert states.count("sending") == MAX_SENDING_TO_HOST
    over.set()


def test_a_busy_receiver_gives_way(
    bench: Bench, webs: dict[str, Web], web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where one host's many deliveries hold all lanes, another host's comes next, not last."""
    monkeypatch.setattr(sender_module, "MAX_SENDING", 2)

    def takes_its_time(handler: BaseHTTPRequestHandler) -> None:
        time.sleep(0.05)
        OK(handler)

    web.answers["/hook"] = takes_its_time
    other = webs["127.0.0.3"]
    with calling(bench, web) as calls:
        other.answers["/hook"] = OK
        for _ in range(30):
            calls.failed(web.url("/hook"))

        async def begun() -> bool:
            return len(web.posts) >= 2

        sender = calls.sender()
        calls.send_until(begun, sender, close=False)
        job = calls.failed(other.url("/hook"), host="127.0.0.3")
        before = len(web.posts)
        assert calls.send(job, sender).state == "delivered"
        (post,) = other.posts
        assert len([earlier for earlier in web.posts[before:] if earlier.at < post.at]) < 12


def test_a_time_out_is_for_all_of_it(calls: Calling, web: Web) -> None:
    """A receiver that sends a byte now and then is left when the time is over, not the patience."""
    over = threading.Event()
    web.answers["/hook"] = in_turn(raw(b"HTTP/1.1 200 OK\r\n", *[b"X: y\r\n"] * 100, pause=0.1, stop=over), OK)
    delivery = calls.send(calls.failed(web.url("/hook")), calls.sender(timeout_seconds=0.5))
    over.set()
    assert [attempt.error for attempt in delivery.attempts] == ["timeout", None]
    assert delivery.attempts[0].seconds is not None
    assert 0.5 <= delivery.attempts[0].seconds < 5


def test_a_name_that_changes_its_address(bench: Bench, webs: dict[str, Web], web: Web) -> None:
    """Each attempt dials the addresses that it has checked: when the name leads inside, not one packet goes there."""
    names = Names(receiver_example=[[RECEIVER], ["127.0.0.1"], [RECEIVER, "127.0.0.1"], [RECEIVER]])
    with calling(bench, web, resolve=names) as calls:
        web.answers["/hook"] = in_turn(gives(b"", 500), OK)
        job = calls.failed(f"http://receiver.example:{web.port}/hook", host="receiver.example")
        delivery = calls.send(job, calls.sender(schedule=(0.0, 0.05, 0.05, 0.05)))
        assert [attempt.error for attempt in delivery.attempts] == ["status", "blocked", "blocked", None]
        assert webs["127.0.0.1"].connections == 0
    assert [post.headers["Host"] for post in web.posts] == [f"receiver.example:{web.port}"] * 2


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "0x7f.1", "[::1]", "[::ffff:127.0.0.1]", "unknown.invalid"])
def test_what_may_not_be_dialled_is_blocked(calls: Calling, webs: dict[str, Web], web: Web, host: str) -> None:
    """However it came into the record, a host that leads inside is not dialled, nor told from one that is not there."""
    delivery = calls.send(calls.failed(f"http://{host}:{web.port}/hook", host="x"))
    assert {attempt.error for attempt in delivery.attempts} == {"blocked"}
    assert (webs["127.0.0.1"].connections, webs["::1"].connections, delivery.state) == (0, 0, "given_up")


@pytest.mark.parametrize("url", ["http://127.0.0.2:81/hook", "ftp://127.0.0.2/hook", "http://a:b@127.0.0.2/"])
def test_rules_hold_when_it_is_sent(calls: Calling, url: str) -> None:
    """What the operator allows may have changed since the job was posted: what holds is what is allowed now."""
    assert {attempt.error for attempt in calls.send(calls.failed(url)).attempts} == {"blocked"}


@pytest.mark.parametrize(("name", "error"), [("receiver.example", None), ("other.example", "tls")])
def test_tls_is_checked_by_name(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, error: str | None
) -> None:
    """Over https the certificate must be the name's, or nothing is told."""
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("receiver.example").configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    names = Names(receiver_example=[[RECEIVER]], other_example=[[RECEIVER]])
    with closing(Web(RECEIVER, tls=context)) as web, calling(bench, web, resolve=names) as calls:
        web.answers["/hook"] = OK
        delivery = calls.send(calls.failed(f"https://{name}:{web.port}/hook", host=name))
        assert {attempt.error for attempt in delivery.attempts} == {error}
        assert len(web.posts) == (error is None)


@pytest.mark.parametrize(
    ("said", "told"), [(b"", (None, "tls")), (b"HTTP/1.1 204 No Content\r\n\r\n", (204, None)),
                       (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nthan", (200, None))],
)  # fmt: skip
def test_tls_that_breaks(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: bytes, told: tuple[int | None, str | None]
) -> None:
    """A record that is none is an attempt that failed, unless the receiver had answered before it."""
    authority = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    names = Names(receiver_example=[[RECEIVER]])
    with (
        closing(Web(RECEIVER, tls=authority.server("receiver.example"))) as web,
        calling(bench, web, resolve=names) as calls,
    ):
        web.answers["/hook"] = in_turn(breaks_tls(said), OK)
        delivery = calls.send(calls.failed(f"https://receiver.example:{web.port}/hook", host="receiver.example"))
        assert (delivery.attempts[0].status, delivery.attempts[0].error) == told
        assert delivery.state == "delivered"
