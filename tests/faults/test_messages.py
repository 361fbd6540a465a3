"""Messages that vanish or come again, and a sweep that is killed: faults 5, 8 and 16."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx

from shared.jobs.routing import FAST
from tests.support.calls import finished
from tests.support.images import SMALL_PNG
from tests.support.jobs import IMPATIENT, event_names, now_of, posted
from tests.support.processes import Service, StoreServer
from tests.support.waiting import until

Stores = Callable[..., StoreServer]
Services = Callable[..., Service]
Saw = Callable[..., None]

JOBS = 1000
DUE = "huemill:due"


def posted_many(client: httpx.Client, count: int) -> list[dict[str, Any]]:
    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(lambda _: posted(client, SMALL_PNG, n_clusters=2), range(count)))


def all_done(client: httpx.Client, jobs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The jobs, each succeeded. A thousand take half a minute where nothing else runs."""
    deadline = time.monotonic() + 200
    for job in jobs:
        left = max(0.1, deadline - time.monotonic())
        until(lambda job=job: now_of(client, job)["status"] == "succeeded", f"job {job['id']} is done", left)
    return [now_of(client, job) for job in jobs]


def test_5_messages_are_lost(own_store: Stores, own_service: Services, saw: Saw) -> None:
    """Of 1,000 jobs the messages of 300 are taken from the queue and never noted: none is lost, none runs twice.

    Their next messages would be due in an hour. That they are lost shows when the queue is empty before they came.
    """
    store = own_store()
    service = own_service(store, threads=1, **{**IMPATIENT, "resend_seconds": 3600}).start_gateway()
    with service.client() as client:
        jobs = posted_many(client, JOBS)
        with store.client() as redis:
            lost = 300
            assert len(redis.lpop(FAST, lost)) == lost
            service.start_worker()
            until(lambda: not redis.llen(FAST), "all other jobs are taken", 200)
            begin = time.monotonic()
            until(lambda: redis.llen(FAST), "the first ones are sent again", 20, 0.001)
            took = time.monotonic() - begin
        done = all_done(client, jobs)
        assert {job["attempt"] for job in done} == {1}
        assert len(service.workers[0].said(" begins")) == JOBS
    saw(jobs=JOBS, messages_lost=lost, jobs_lost=0, sent_again_after_s=took)


def test_8_a_message_comes_again(own_store: Stores, own_service: Services, saw: Saw) -> None:
    """The same message three times after the job's success: nothing is computed again."""
    store = own_store()
    service = own_service(store).start_gateway()
    with service.client() as client, store.client() as redis:
        job = posted(client, SMALL_PNG, n_clusters=2)
        (message,) = redis.lrange(FAST, 0, -1)
        worker = service.start_worker()
        (done,) = all_done(client, [job])
        files = {path: path.stat().st_mtime_ns for path in service.blob_files()}
        redis.lpush(FAST, *[message] * 3)
        until(lambda: len(worker.said("none waits", job_id=job["id"])) == 3, "all three find nothing", 20)
        assert finished(client)["attempt"] == 1
        assert now_of(client, job) == done
        assert len(worker.said("kmeans begins", job_id=job["id"])) == 1
        assert {path: path.stat().st_mtime_ns for path in files} == files
        assert event_names(client, job).count("succeeded") == 1
    saw(deliveries=4, runs=1)


def test_16_the_sweep_is_killed(own_store: Stores, own_service: Services, saw: Saw) -> None:
    """A gateway that is killed in the middle of a sweep: the next one carries on, and every job is done once."""
    store = own_store()
    service = own_service(store, **{**IMPATIENT, "resend_seconds": 3}).start_gateway()
    assert service.gateway is not None
    with service.client() as client, store.client() as redis:
        jobs = posted_many(client, 300)
        redis.delete(FAST)
        redis.zadd(DUE, {job["id"]: 1 for job in jobs})
        until(lambda: redis.llen(FAST) > 20, "the sweep has begun", 10, 0.001)
        service.gateway.kill()
        swept = redis.llen(FAST)
        assert swept < len(jobs)
        service.start_gateway()
        service.start_worker()
    with service.client() as client:
        done = all_done(client, jobs)
        assert {job["attempt"] for job in done} == {1}
        assert len(service.workers[0].said(" begins")) == len(jobs)
    saw(jobs=len(jobs), swept_before_the_kill=swept, lost=0)
