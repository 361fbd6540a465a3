"""Gateways that are killed while they call somebody back: fault 23. What was promised is told, with one id."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler
from typing import Any

import httpx
import pytest

from tests.support.calling import RECEIVER, SECRETS, may_call, verified
from tests.support.calls import post
from tests.support.jobs import IMPATIENT, ended, event_names
from tests.support.processes import Service, StoreServer
from tests.support.waiting import until
from tests.support.web import Web, gives

Stores = Callable[..., StoreServer]
Services = Callable[..., Service]
Saw = Callable[..., None]


@pytest.fixture
def web() -> Iterator[Web]:
    with closing(Web(RECEIVER)) as made:
        made.answers["/hook"] = gives(b"")
        yield made


@pytest.fixture
def service(own_store: Stores, own_service: Services, web: Web) -> Service:
    """A service that may call the receiver back; a gateway, and no worker yet."""
    more = {"callback_secret": SECRETS[0], **may_call(web)}
    return own_service(own_store(), **{**IMPATIENT, "lease_seconds": 15}, **more).start_gateway()


def asked(client: httpx.Client, web: Web) -> dict[str, Any]:
    answer = post(client, wait=None, n_clusters=2, callback_url=web.url("/hook"))
    assert answer.status_code == 202, answer.text
    job: dict[str, Any] = answer.json()
    return job


def test_killed_while_it_waits_for_the_receiver(service: Service, web: Web, saw: Saw) -> None:
    """The receiver has the message and has not answered when the gateway is killed: the next one sends it again when
    the lease is over, with the same id, a time of its own and a valid signature; then no more.
    """
    assert service.gateway is not None
    over = threading.Event()
    answers = iter([lambda _: over.wait(60)])

    def answer(handler: BaseHTTPRequestHandler) -> None:
        next(answers, gives(b""))(handler)

    web.answers["/hook"] = answer
    service.start_worker()
    service.wait_for_workers()
    with service.client() as client:
        job = asked(client, web)
        until(lambda: web.posts, "the receiver has it", 20)
        service.gateway.kill()
        service.start_gateway()
        begin = time.monotonic()
        until(lambda: len(web.posts) == 2, "it is sent again", 60)
        took = time.monotonic() - begin
        over.set()
        address = f"/v1/jobs/{job['id']}/callbacks"
        until(lambda: client.get(address).json()["deliveries"][0]["state"] == "delivered", "it is delivered")
        time.sleep(1)
        (delivery,) = client.get(address).json()["deliveries"]
    first, second = web.posts
    assert [verified(each)["type"] for each in web.posts] == ["job.succeeded"] * 2
    assert first.headers["webhook-id"] == second.headers["webhook-id"] == delivery["id"]
    assert int(second.headers["webhook-timestamp"]) > int(first.headers["webhook-timestamp"])
    assert [attempt["status"] for attempt in delivery["attempts"]] == [None, 200]
    saw(sent_again_after_s=took, messages=len(web.posts))


def test_jobs_that_end_while_there_is_no_gateway(service: Service, web: Web, saw: Saw) -> None:
    """What a worker's move has written is told by the gateway that comes later."""
    assert service.gateway is not None
    with service.client() as client:
        job = asked(client, web)
        service.gateway.kill()
        service.start_worker()
        with service.store.client() as redis:
            until(lambda: redis.exists(f"huemill:delivery:msg_{job['id']}_succeeded"), "the job has ended", 60)
        assert web.posts == []
        service.start_gateway()
        begin = time.monotonic()
        until(lambda: web.posts, "it is told", 20)
    (body,) = map(verified, web.posts)
    assert body["data"]["id"] == job["id"]
    saw(told_after_s=time.monotonic() - begin)


def test_gateways_killed_again_and_again(service: Service, web: Web, saw: Saw) -> None:
    """Of sixty jobs that end while gateways are killed, each is told, with one id, and each ends once."""
    jobs, kills = 60, 0

    def slow(handler: BaseHTTPRequestHandler) -> None:
        time.sleep(0.2)
        gives(b"")(handler)

    web.answers["/hook"] = slow
    with service.client() as client:
        posted = [asked(client, web) for _ in range(jobs)]
        service.start_worker()
        until(lambda: web.posts, "the first is told", 90)
        for _ in range(5):
            assert service.gateway is not None
            service.gateway.kill()
            kills += 1
            service.start_gateway()
            time.sleep(0.7)
        until(lambda: len({each.headers["webhook-id"] for each in web.posts}) == jobs, "all are told", 120)
        for job in posted:
            assert ended(client, job)["status"] == "succeeded"
            assert event_names(client, job).count("succeeded") == 1
        until(lambda: "huemill_callbacks_late_seconds 0.0" in client.get("/metrics").text, "nothing is due", 60)
    told = Counter(each.headers["webhook-id"] for each in web.posts)
    assert set(told) == {f"msg_{job['id']}_succeeded" for job in posted}
    assert all(verified(each) for each in web.posts)
    saw(jobs=jobs, gateways_killed=kills, messages=len(web.posts), most_of_one=max(told.values()))
