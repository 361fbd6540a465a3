"""Answers of Redis that are lost while a job is accepted: it runs whole, or it is not there."""

import hashlib
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import pytest
from redis import Redis

from shared.jobs.moves import WITHDRAW
from tests.support.calls import finished, post, problem
from tests.support.jobs import event_names, now_of
from tests.support.processes import Service, StoreServer
from tests.support.proxy import Proxy
from tests.support.waiting import until

Saw = Callable[..., None]

# What only the one message has in it: the record of a new job; the script that withdraws one.
CREATION, WITHDRAWAL = b'"given"', hashlib.sha1(WITHDRAW.encode()).hexdigest().encode()


class Place(NamedTuple):
    service: Service
    proxy: Proxy
    redis: Redis
    begun_before: int

    def jobs(self) -> list[bytes]:
        """The ids of all jobs that are there."""
        return [key.split(b":")[2] for key in self.redis.keys("huemill:job:*") if key.count(b":") == 2]

    def uploads(self) -> list[str]:
        return [path.name for path in self.service.blob_files() if "uploads" in path.parts]

    def begun(self) -> int:
        """How many jobs were begun in this test."""
        return len(self.service.workers[0].said(" begins")) - self.begun_before


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A gateway that reaches Redis through a proxy, and a worker that needs none."""
    folder = tmp_path_factory.mktemp("answers")
    store = StoreServer("valkey", folder / "store")
    proxy = Proxy(store.port)
    service = Service(store, folder / "service", store_port=proxy.port, sweep_seconds=0.2)
    try:
        service.start_gateway()
        service.start_worker(redis_url=store.url)
        service.wait_for_workers()
        with store.client() as redis:
            redis.script_load(WITHDRAW)
            yield Place(service, proxy, redis, 0)
    finally:
        service.kill()
        proxy.close()
        store.kill()


@pytest.fixture
def place(running: Place) -> Iterator[Place]:
    """The same with nothing in it; a job was done a moment ago, so that all scripts are known."""
    with running.service.client() as client:
        finished(client)
        for job_id in running.jobs():
            assert client.delete(f"/v1/jobs/{job_id.decode()}").status_code == 204
    for note in running.redis.keys("huemill:job:*:withdrawn"):
        running.redis.delete(note)
    for orphan in running.service.blob_files():
        orphan.unlink()  # of a job that was withdrawn after it had run: the collector's, in an hour
    yield running._replace(begun_before=running.begun())
    running.proxy.pass_all()


def test_a_creation_that_is_not_answered_is_withdrawn(place: Place, saw: Saw) -> None:
    """The record was written and nobody was told: the client gets 503, and nothing is there, then or later.

    A worker was sent it with the record, and may have done it for nothing.
    """
    with place.service.client() as client:
        place.proxy.lose_answers(CREATION)
        begin = time.monotonic()
        problem(post(client, wait=None), 503, "unavailable")
        took = time.monotonic() - begin
        assert (place.jobs(), place.uploads()) == ([], [])
        place.proxy.pass_all()
        assert finished(client)["attempt"] == 1
        assert place.begun() <= 2
        assert len(place.jobs()) == 1
    saw(refused_after_s=took, jobs=0, files=0)


def test_a_creation_that_cannot_be_withdrawn_runs_whole(place: Place, saw: Saw) -> None:
    """Neither the record's answer comes nor the withdrawal's: what is there keeps its image, and is done."""
    with place.service.client() as client:
        place.proxy.lose_answers(CREATION, WITHDRAWAL)
        held = place.proxy.hold(WITHDRAWAL)  # it does not even arrive, as long as it matters
        problem(post(client, wait=None), 503, "unavailable")
        (job_id,) = place.jobs()
        assert place.uploads() == [job_id.decode()]
        place.proxy.lose_answers()  # the withdrawal is held still
        links = {"links": {"self": f"/v1/jobs/{job_id.decode()}", "events": f"/v1/jobs/{job_id.decode()}/events"}}
        until(lambda: place.begun() == 1, "it is sent and begun", 20)
        until(lambda: now_of(client, links)["status"] == "succeeded", "it succeeds", 20)
        held.set()
        until(lambda: not place.jobs(), "the late withdrawal has come", 10)
    saw(jobs=1, ended_as="succeeded")


def test_a_creation_that_comes_late_is_refused(place: Place, saw: Saw) -> None:
    """It arrives when the gateway has withdrawn the job: it makes nothing."""
    with place.service.client() as client, ThreadPoolExecutor() as pool:
        late = place.proxy.hold(CREATION)
        posted = pool.submit(post, client, wait=None)
        problem(posted.result(), 503, "unavailable")
        assert place.uploads() == []
        (note,) = place.redis.keys("huemill:job:*:withdrawn")
        assert 0 < place.redis.ttl(note) <= 3600
        calls = int(place.redis.info("commandstats")["cmdstat_evalsha"]["calls"])
        late.set()
        until(lambda: int(place.redis.info("commandstats")["cmdstat_evalsha"]["calls"]) > calls, "it arrives", 10)
        time.sleep(0.5)
        assert place.jobs() == []
        assert finished(client)["attempt"] == 1
    saw(jobs=0)


def test_a_creation_that_is_sent_again_is_made_once(place: Place) -> None:
    """The connection breaks when the record is written: redis-py sends it again, and the job has one beginning."""
    with place.service.client() as client, ThreadPoolExecutor() as pool:
        place.proxy.lose_answers(CREATION)
        posted = pool.submit(post, client, wait=None)
        until(place.jobs, "the record is there", 10, 0.01)
        place.proxy.pass_all()
        place.proxy.reset()
        answer = posted.result()
        assert answer.status_code in (200, 202)  # it may have ended meanwhile
        job = answer.json()
        assert event_names(client, job) == ["queued", "running", "succeeded"]
        assert place.begun() == 1
