"""A request that is sent again with its Idempotency-Key, its gateway killed or its answer lost: one job, one run."""

import hashlib
import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import NamedTuple
from uuid import uuid4

import httpx
import pytest
from redis import Redis

from shared.jobs.moves import RESERVE, WITHDRAW
from tests.support.calls import problem
from tests.support.images import SMALL_PNG
from tests.support.jobs import ended, event_names
from tests.support.processes import Service, StoreServer
from tests.support.proxy import Proxy
from tests.support.uploading import half_sent
from tests.support.waiting import until

Saw = Callable[..., None]

# What only the one message has in it: the scripts, the record of a new job, a task for Celery.
RESERVATION, WITHDRAWAL = (hashlib.sha1(text.encode()).hexdigest().encode() for text in (RESERVE, WITHDRAW))
CREATION, SENDING = b'"given"', b"huemill.run"
# A reservation's lease, and what a busy machine takes.
LEASE_SECONDS = 25
# Of a client that then goes away. A gateway waits longer for Redis.
PATIENCE_SECONDS = 2


class Place(NamedTuple):
    first: Service
    """Its gateway reaches Redis through the proxy, and is this test's own."""
    second: Service
    """It has a gateway and a worker that need none."""
    proxy: Proxy
    redis: Redis

    def jobs(self) -> list[str]:
        return [key.split(b":")[2].decode() for key in self.redis.keys("huemill:job:*") if key.count(b":") == 2]

    def begun(self, job_id: str) -> int:
        return len([line for line in self.second.workers[0].said(" begins") if line["job_id"] == job_id])


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[StoreServer, Service]]:
    folder = tmp_path_factory.mktemp("repeats")
    store = StoreServer("valkey", folder / "store")
    service = Service(store, folder / "second", sweep_seconds=0.2)
    try:
        service.start_gateway().start_worker()
        yield store, service.wait_for_workers()
    finally:
        service.kill()
        store.kill()


@pytest.fixture
def place(running: tuple[StoreServer, Service], own_service: Callable[..., Service]) -> Iterator[Place]:
    store, second = running
    proxy = Proxy(store.port)
    first = own_service(store, blob_url=second.blobs.as_uri(), sweep_seconds=100)
    first.environment["HUEMILL_REDIS_URL"] = store.url.replace(str(store.port), str(proxy.port))
    with store.client() as redis:
        redis.flushall()
        first.start_gateway()
        with first.client() as client:  # from then on all scripts are known
            send(client, uuid4().hex)
        redis.script_load(WITHDRAW)
        redis.flushall()
        yield Place(first, second, proxy, redis)
        proxy.pass_all()
        proxy.close()


def send(client: httpx.Client, key: str) -> httpx.Response:
    headers = {"Content-Type": "image/png", "Idempotency-Key": key}
    return client.post("/v1/jobs", content=SMALL_PNG, headers=headers)


def send_in_vain(service: Service, key: str) -> None:
    with service.client() as client, suppress(httpx.TransportError):
        client.timeout = PATIENCE_SECONDS
        send(client, key)


def kill(service: Service) -> None:
    assert service.gateway is not None
    os.kill(service.gateway.pid, signal.SIGKILL)
    service.gateway.process.wait(10)


def taken(client: httpx.Client, key: str) -> httpx.Response:
    """The answer to the request, sent again for as long as its key is held by who is gone."""

    def answer() -> httpx.Response | None:
        found = send(client, key)
        if found.status_code == 409:
            problem(found, 409, "idempotency_conflict")
            return None
        assert found.status_code in (200, 202), found.text
        return found

    return until(answer, "the request is taken", LEASE_SECONDS, 0.25)


MOMENTS = {"reserving": RESERVATION, "creating": CREATION, "sending": SENDING}


def begin_and_kill(place: Place, moment: str, key: str) -> None:
    """Send the request to the first gateway, and kill that at the moment."""
    if moment == "receiving":
        with half_sent(place.first.url, **{"Idempotency-Key": key}) as sent:
            time.sleep(0.5)
            kill(place.first)
            sent.go_on()
            assert isinstance(sent.answer.exception(10), httpx.TransportError)
        return
    if moment in MOMENTS:
        place.proxy.hold(MOMENTS[moment])
    else:
        place.proxy.lose_answers(CREATION if moment == "created" else SENDING)
    with ThreadPoolExecutor(1) as pool:
        sending = pool.submit(send_in_vain, place.first, key)
        time.sleep(1)  # by then it has come to that moment, and waits there for some seconds
        assert not sending.done()
        kill(place.first)
        sending.result(10)


@pytest.mark.parametrize("moment", ["receiving", *MOMENTS, "created", "sent"])
def test_a_gateway_that_is_killed_with_a_request(place: Place, moment: str, saw: Saw) -> None:
    """Whatever it had done by then, the same request at another gateway is the one job, which is done once; also where
    what the dead one had sent arrives afterwards.
    """
    key = uuid4().hex
    begin_and_kill(place, moment, key)
    begin = time.monotonic()
    with place.second.client() as client:
        answer = taken(client, key)
        took = time.monotonic() - begin
        job = answer.json()
        place.proxy.pass_all()
        done = ended(client, job)
        assert done["status"] == "succeeded"
        time.sleep(0.5)
        assert place.jobs() == [job["id"]]
        assert place.begun(job["id"]) == 1
        names = [name for name in event_names(client, job) if name != "progress"]
        assert names == ["queued", "running", "succeeded"]
        assert taken(client, key).headers["idempotent-replayed"] == "true"
        assert send(client, key).json()["id"] == job["id"]
    saw(taken_after_s=took, replayed=answer.headers.get("idempotent-replayed", "false"), jobs=1)


def test_an_answer_that_is_lost_on_its_way_to_the_client(place: Place, saw: Saw) -> None:
    """The client goes away before it has heard of its job; it sends the request to another gateway, and has it."""
    key = uuid4().hex
    place.proxy.lose_answers(SENDING)
    with ThreadPoolExecutor(1) as pool, place.second.client() as client:
        sending = pool.submit(send_in_vain, place.first, key)
        until(place.jobs, "the job is there", 10)
        answer = taken(client, key)
        assert answer.headers["idempotent-replayed"] == "true"
        assert ended(client, answer.json())["status"] == "succeeded"
        assert place.jobs() == [answer.json()["id"]]
        assert place.begun(answer.json()["id"]) == 1
        sending.result(20)
        time.sleep(4)  # the first gateway has given Redis up by now
        assert place.jobs() == [answer.json()["id"]]
    saw(jobs=1)


def test_what_another_client_was_told_of_is_not_withdrawn(place: Place, saw: Saw) -> None:
    """A gateway hears no answer to a creation, and takes it back; but the same request was answered with that job by
    another gateway meanwhile. So it stays, and is done.
    """
    key = uuid4().hex
    place.proxy.lose_answers(CREATION)
    held = place.proxy.hold(WITHDRAWAL)
    with ThreadPoolExecutor(1) as pool, place.first.client() as first, place.second.client() as second:
        sending = pool.submit(send, first, key)
        (job_id,) = until(place.jobs, "the job is there", 10)
        answer = taken(second, key)
        assert (answer.json()["id"], answer.headers["idempotent-replayed"]) == (job_id, "true")
        held.set()
        problem(sending.result(20), 503, "unavailable")
        time.sleep(0.5)  # the withdrawal has come by now
        assert ended(second, answer.json())["status"] == "succeeded"
        assert place.jobs() == [job_id]
        assert taken(second, key).json()["id"] == job_id
    saw(jobs=1, ended_as="succeeded")


def test_a_creation_that_was_withdrawn_frees_its_key(place: Place, saw: Saw) -> None:
    """A gateway hears no answer to a creation, and takes it back; nobody knew of it. Then the request is a new one."""
    key = uuid4().hex
    place.proxy.lose_answers(CREATION)
    with place.first.client() as first, place.second.client() as second:
        problem(send(first, key), 503, "unavailable")
        assert place.jobs() == []
        answer = send(second, key)
        assert (answer.status_code, answer.headers.get("idempotent-replayed")) == (202, None)
        assert ended(second, answer.json())["status"] == "succeeded"
        assert place.jobs() == [answer.json()["id"]]
    saw(jobs=1)
