"""Killed between two steps that belong together. A Redis that stands still holds a process at that very moment."""

import os
import re
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import httpx

from shared.contract.params import KMeansParams
from shared.formats import Limits
from tests.support.calls import finished, post, problem
from tests.support.images import SMALL_PNG
from tests.support.jobs import IMPATIENT, LONG, LONG_IMAGE, ended, event_names, running_job
from tests.support.processes import Service, StoreServer, children_of
from tests.support.waiting import until
from worker import pipeline

Stores = Callable[..., StoreServer]
Services = Callable[..., Service]
Saw = Callable[..., None]


def test_killed_between_upload_and_record(own_store: Stores, own_service: Services, saw: Saw) -> None:
    """A gateway dies with the image stored and the record on its way: in the end nothing is left of either."""
    store = own_store()
    settings = {**IMPATIENT, "collect_seconds": 0.5, "orphan_seconds": 2, "result_ttl_seconds": 2}
    service = own_service(store, **settings).start_gateway()
    assert service.gateway is not None
    begun, rest = threading.Event(), threading.Event()

    def body() -> Iterator[bytes]:
        yield SMALL_PNG[:50]
        begun.set()
        rest.wait(30)
        yield SMALL_PNG[50:]

    def send() -> None:
        with service.client() as client, suppress(httpx.TransportError):
            client.post("/v1/jobs", content=body(), headers={"Content-Type": "image/png"})

    with ThreadPoolExecutor() as pool:
        sent = pool.submit(send)
        assert begun.wait(10)
        time.sleep(0.5)  # the gateway has seen by now that the queue is not full
        store.freeze()
        rest.set()
        until(lambda: [path for path in service.blob_files() if "#" not in path.name], "the image is stored", 10)
        service.gateway.kill()
        sent.result(10)
    left = len(service.blob_files())
    store.thaw()
    service.start_gateway()
    service.start_worker()
    with store.client() as redis:
        recorded = len(redis.keys("huemill:job:*"))
    until(lambda: not service.blob_files(), "the image is gone", 40)
    saw(files_left_by_the_kill=left, records_left=recorded, files_in_the_end=0)


def test_killed_between_result_and_record(own_store: Stores, own_service: Services, saw: Saw) -> None:
    """A child dies with the result stored and its end on its way: the job ends once, with one result, the right one."""
    store = own_store()
    service = own_service(store, **{**IMPATIENT, "lease_seconds": 15}).start_gateway()
    (worker,) = (service.start_worker(),)
    service.wait_for_workers()
    with service.client() as client:
        job = running_job(client)
        store.freeze()
        until(lambda: [path for path in service.blob_files() if path.name == "result.json"], "the result is stored")
        time.sleep(0.3)
        for child in children_of(worker.pid):
            os.kill(child, signal.SIGKILL)
        store.thaw()
        until(lambda: client.get(job["links"]["self"]).is_success, "the gateway answers again", 10)
        done = ended(client, job)
        assert done["status"] == "succeeded"
        assert event_names(client, job).count("succeeded") == 1
        labels = client.get(job["links"]["labels"], headers={"Accept": "application/x-npy"}).content
        expected = pipeline.run(LONG_IMAGE, KMeansParams(**LONG), lambda *_: True, limits=Limits())
        assert labels == expected.files["labels.npy"]
        assert finished(client)["attempt"] == 1
        claims = {path.parent.name for path in service.blob_files() if path.parent.parent.name == job["id"]}
        assert len(claims) == 1
    saw(attempts=done["attempt"], results=len(claims))


def test_killed_in_a_cancel(own_store: Stores, own_service: Services, saw: Saw) -> None:
    """A gateway dies while it cancels a running job: the job is cancelled or succeeds, and either is whole."""
    store = own_store()
    service = own_service(store, **{**IMPATIENT, "lease_seconds": 15}).start_gateway()
    assert service.gateway is not None
    service.start_worker()
    service.wait_for_workers()
    with service.client() as client, ThreadPoolExecutor() as pool:
        job = running_job(client)
        store.freeze()
        cancelled = pool.submit(client.post, job["links"]["cancel"])
        time.sleep(0.5)
        service.gateway.kill()
        assert isinstance(cancelled.exception(10), httpx.TransportError)
        store.thaw()
    service.start_gateway()
    with service.client() as client:
        done = ended(client, job)
        assert event_names(client, job)[-1] == done["status"]
        result = client.get(job["links"]["result"])
        if done["status"] == "cancelled":
            problem(result, 422, "job_cancelled")
            until(lambda: not [p for p in service.blob_files() if job["id"] in str(p)], "nothing of it is left", 12)
        else:
            assert (done["status"], result.status_code) == ("succeeded", 200)
        assert finished(client)["attempt"] == 1
    saw(ended_as=done["status"])


def test_clients_that_go_away_while_they_wait(own_store: Stores, own_service: Services, saw: Saw) -> None:
    """Whoever asked to wait for a minute and hangs up is waited with no longer; the jobs stay."""
    store = own_store()
    service = own_service(store, **IMPATIENT).start_gateway()
    waiting = 30

    def hang_up() -> None:
        with service.client(timeout=1) as client, suppress(httpx.ReadTimeout):
            post(client, wait=60)

    def waited_with() -> float:
        return float(re.search(r"^huemill_followers (\S+)$", client.get("/metrics").text, re.MULTILINE)[1])  # type: ignore[index]

    with store.client() as redis, service.client() as client:
        with ThreadPoolExecutor(waiting) as pool:
            gone = [pool.submit(hang_up) for _ in range(waiting)]
            until(lambda: waited_with() >= waiting / 2, "many wait", 10)
            for each in gone:
                each.result()
        begin = time.monotonic()
        until(lambda: not waited_with(), "nobody is waited with", 10)
        took = time.monotonic() - begin
        service.start_worker()
        until(lambda: redis.zcard("huemill.fast:queued") == 0, "their jobs are done", 30)
        assert finished(client)["attempt"] == 1
    saw(clients=waiting, given_up_after_s=took)
