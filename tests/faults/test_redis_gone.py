"""What the gateway says while Redis is away, and how it comes back."""

import functools
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from shared.jobs.keys import queued_key
from shared.jobs.routing import FAST
from tests.support.calls import finished, post, problem
from tests.support.jobs import event_names
from tests.support.processes import SERVERS, Service, StoreServer
from tests.support.waiting import until

MOST_SECONDS = 5


def refused_in_time(send: Callable[[], httpx.Response]) -> None:
    """The request is answered with 503 and Retry-After within 5 s."""
    begin = time.monotonic()
    answer = send()
    assert time.monotonic() - begin < MOST_SECONDS
    problem(answer, 503, "unavailable")
    assert int(answer.headers["retry-after"]) >= 1


def readable(job: dict[str, Any]) -> list[str]:
    return [path for name, path in job["links"].items() if name not in ("ws", "cancel")]


@pytest.mark.parametrize("kind", SERVERS)
@pytest.mark.parametrize("way", ["killed", "frozen"])
def test_redis_is_gone(
    own_store: Callable[[str], StoreServer], own_service: Callable[..., Service], kind: str, way: str
) -> None:
    """Without Redis every route that needs it is 503 with Retry-After within 5 s, and no upload stays behind."""
    store = own_store(kind)
    service = own_service(store).start_gateway()
    with service.client() as client:
        job = post(client, wait=None).json()
        before = service.blob_files()
        if way == "killed":
            store.kill()
        else:
            store.freeze()
        requests = [functools.partial(client.get, path) for path in (*readable(job), "/readyz")]
        with ThreadPoolExecutor() as pool:
            list(pool.map(refused_in_time, [*requests, lambda: post(client, wait=None)]))
        assert client.get("/healthz").is_success
        assert service.blob_files() == before
        if way == "killed":
            store.start()
        else:
            store.thaw()
        until(lambda: client.get(job["links"]["self"]).is_success, "the gateway is back", 10)
        assert client.get(job["links"]["self"]).json()["id"] == job["id"]
        assert post(client, wait=None).status_code == 202


def test_a_job_is_told_that_was_accepted_before(
    own_store: Callable[..., StoreServer], own_service: Callable[..., Service]
) -> None:
    """Redis is killed while who has posted waits for the end: he learns where his job is, and finds it there later."""
    store = own_store()
    service = own_service(store).start_gateway()
    with service.client() as client, ThreadPoolExecutor() as pool, store.client() as redis:
        waiting = pool.submit(post, client)
        until(lambda: redis.exists(queued_key(FAST)), "the job is accepted", 10)
        store.kill()
        answer = waiting.result(20)
        assert (answer.status_code, answer.json()["status"], answer.json()["queue_position"]) == (202, "queued", None)
        assert int(answer.headers["Retry-After"]) >= 1
        store.start()
        until(lambda: client.get(answer.headers["Location"]).is_success, "the job is there", 10)


def test_a_stream_outlives_redis(own_store: Callable[..., StoreServer], own_service: Callable[..., Service]) -> None:
    """An event stream goes on after Redis was killed and started anew: nothing is missed, nothing comes twice."""
    store = own_store()
    service = own_service(store).start_gateway()
    assert service.gateway is not None
    with service.client() as client, ThreadPoolExecutor() as pool:
        job = post(client, wait=None).json()
        listening = pool.submit(event_names, client, job)
        with store.client() as redis:
            until(lambda: redis.info("commandstats").get("cmdstat_xrevrange"), "the stream was read", 10)
        store.kill()
        until(lambda: "events cannot be read" in service.gateway.text(), "the stream has noticed", 10)
        store.start()
        until(lambda: client.post(job["links"]["cancel"]).is_success, "the job is cancelled", 10)
        assert listening.result(20) == ["queued", "cancelled"]
        assert "Traceback" not in service.gateway.text()


def test_a_worker_outlives_redis(own_store: Callable[..., StoreServer], own_service: Callable[..., Service]) -> None:
    """After Redis was away for a while, a worker that was idle takes jobs again without being restarted."""
    store = own_store()
    service = own_service(store).start_gateway()
    worker = service.start_worker()
    service.wait_for_workers()
    with service.client() as client:
        finished(client)
        store.kill()
        refused_in_time(lambda: post(client))
        store.start()
        answer = until(lambda: next((a for a in [post(client)] if a.status_code == 200), None), "a job ends", 60)
        assert answer.json()["status"] == "succeeded"
    worker.check()
