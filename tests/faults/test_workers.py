"""Workers that are killed, starved, frozen, stopped: faults 1 to 4, 6, 7, 14 and 15."""

import os
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import pytest

from shared.contract.params import HdbscanParams
from shared.formats import Limits
from tests.support.calls import finished, problem
from tests.support.images import encoded, noise
from tests.support.jobs import (
    IMPATIENT,
    LONG,
    LONG_IMAGE,
    LONGER,
    MUTE,
    MUTE_IMAGE,
    ended,
    event_names,
    now_of,
    posted,
    reasons,
    running_job,
)
from tests.support.processes import Service, StoreServer, children_of, lives
from tests.support.waiting import until
from worker import pipeline

Stores = Callable[..., StoreServer]
Services = Callable[..., Service]
Saw = Callable[..., None]

HDBSCAN = {"algorithm": "hdbscan", "min_cluster_size": 50, "min_samples": 20}
HDBSCAN_IMAGE = encoded(noise(700, 700))
# scikit-learn's Ward: 15,876 pixels, a gigabyte of distances.
HUNGRY = {"algorithm": "agglomerative", "engine": "reference", "linkage": "complete"}
HUNGRY_IMAGE = encoded(noise(126, 126))
LATE = ("the claim is not valid any more", "a late result is refused", "is killed: stale")


def begun(service: Service, **settings: object) -> Service:
    """A gateway and a worker, ready."""
    service.start_gateway()
    service.start_worker(**settings)
    return service.wait_for_workers()


@pytest.mark.parametrize("whole", [False, True], ids=["child", "whole worker"])
def test_1_2_killed_in_mid_job(own_store: Stores, own_service: Services, saw: Saw, whole: bool) -> None:
    """A killed child or worker: the job is done once, by another, with the same bytes, at the second attempt."""
    service = begun(own_service(own_store(), **IMPATIENT))
    with service.client() as client:
        job = running_job(client, HDBSCAN_IMAGE, **HDBSCAN)
        begin = time.monotonic()
        if whole:
            service.workers[0].kill()
            service.start_worker()
        else:
            for child in children_of(service.workers[0].pid):
                os.kill(child, signal.SIGKILL)
        until(lambda: now_of(client, job)["attempt"] == 2, "the job is taken up again", 30)
        again = time.monotonic() - begin
        done = ended(client, job)
        assert (done["status"], done["attempt"]) == ("succeeded", 2)
        assert reasons(done) == ["worker_lost", None]
        names = event_names(client, job)
        assert names.count("running") == 2
        assert names.count("succeeded") == 1
        labels = client.get(job["links"]["labels"], headers={"Accept": "application/x-npy"}).content
        expected = pipeline.run(HDBSCAN_IMAGE, HdbscanParams(**HDBSCAN), lambda *_: True, limits=Limits())
        assert labels == expected.files["labels.npy"]
        assert finished(client)["attempt"] == 1
        until(lambda: not [path for path in service.blob_files() if "uploads" in path.parts], "no upload is left", 12)
    saw(taken_up_after_s=again, attempts=done["attempt"])


def test_3_memory_is_exhausted_always(own_store: Stores, own_service: Services, saw: Saw) -> None:
    """A job that takes too much memory fails after three attempts; another one goes on, and the worker lives."""
    service = own_service(own_store(), **{**IMPATIENT, "lease_seconds": 5}).start_gateway()
    worker = service.start_worker(concurrency=2, max_memory_bytes=600 * 2**20)
    service.wait_for_workers()
    with service.client() as client:
        begin = time.monotonic()
        job = posted(client, HUNGRY_IMAGE, **HUNGRY)
        neighbours = [finished(client) for _ in range(20)]
        done = ended(client, job)
        took = time.monotonic() - begin
        assert (done["status"], done["error"]["code"], done["attempt"]) == ("failed", "out_of_memory", 3)
        assert reasons(done) == ["out_of_memory"] * 3
        assert {neighbour["attempt"] for neighbour in neighbours} == {1}
        assert finished(client)["attempt"] == 1
        worker.check()
        until(lambda: not [path for path in service.blob_files() if "uploads" in path.parts], "no upload is left", 12)
    saw(attempts=done["attempt"], seconds=took, jobs_beside_it=len(neighbours))


def test_4_an_allocation_is_refused(own_store: Stores, own_service: Services, saw: Saw) -> None:
    """A MemoryError in a job fails it once; the worker's main process and its child are the same ones."""
    service = begun(own_service(own_store(), **IMPATIENT), under=["prlimit", f"--as={2500 * 2**20}"])
    (worker,) = service.workers
    children = children_of(worker.pid)
    with service.client() as client:
        done = ended(client, posted(client, HUNGRY_IMAGE, **HUNGRY))
        assert (done["status"], done["error"]["code"], done["attempt"]) == ("failed", "out_of_memory", 1)
        assert finished(client)["attempt"] == 1
        worker.check()
        assert children_of(worker.pid) == children
    saw(attempts=done["attempt"])


def test_6_frozen_beyond_its_lease(own_store: Stores, own_service: Services, saw: Saw) -> None:
    """A worker that comes back after its lease is refused: two runs, one end."""
    service = begun(own_service(own_store(), **IMPATIENT))
    (worker,) = service.workers
    with service.client() as client:
        job = running_job(client)
        frozen = [worker.pid, *children_of(worker.pid)]
        for pid in frozen:
            os.kill(pid, signal.SIGSTOP)
        service.start_worker()
        done = ended(client, job)
        for pid in reversed(frozen):
            os.kill(pid, signal.SIGCONT)
        assert (done["status"], done["attempt"]) == ("succeeded", 2)
        until(lambda: any(words in worker.text() for words in LATE), "the late worker is refused", 30)
        names = event_names(client, job)
        assert names.count("succeeded") == 1
        assert client.get(job["links"]["result"]).is_success
        assert finished(client)["attempt"] == 1
    saw(runs=names.count("running"), ends=names.count("succeeded"))


def test_7_a_soft_time_limit(own_store: Stores, own_service: Services, saw: Saw) -> None:
    """A job that reports stops by itself when its time is over; the client may set a shorter one."""
    service = begun(own_service(own_store(), **IMPATIENT))
    (child,) = children_of(service.workers[0].pid)
    with service.client() as client:
        job = posted(client, LONG_IMAGE, **LONGER, timeout=1)
        done = ended(client, job)
        assert (done["status"], done["error"]["code"], done["attempt"]) == ("failed", "timeout", 1)
        took = seconds_between(done["started_at"], done["finished_at"])
        assert took < 3
        assert children_of(service.workers[0].pid) == [child]
        until(lambda: not service.blob_files(), "nothing of it is left", 12)
    saw(limit_s=1, failed_after_s=took)


def test_7_a_hard_time_limit(own_store: Stores, own_service: Services, saw: Saw) -> None:
    """A job that hears nothing is killed: `timeout` within 2 s, its place free within 5 s, nothing left."""
    settings = {**IMPATIENT, "reference_timeout_seconds": 1.5, "timeout_grace_seconds": 0.5}
    service = begun(own_service(own_store(), **settings))
    limit = settings["reference_timeout_seconds"] + settings["timeout_grace_seconds"]
    with service.client() as client:
        done = ended(client, running_job(client, MUTE_IMAGE, **MUTE))
        assert (done["status"], done["error"]["code"], done["attempt"]) == ("failed", "timeout", 1)
        late = seconds_between(done["started_at"], done["finished_at"]) - limit
        assert 0 <= late < 2
        begin = time.monotonic()
        assert finished(client)["attempt"] == 1
        free = time.monotonic() - begin
        assert free < 5
        until(lambda: not [p for p in service.blob_files() if job_of(p) == done["id"]], "nothing of it is left", 12)
    saw(failed_after_the_limit_s=late, place_free_after_s=free)


def test_15_cancel_a_queued_job(own_store: Stores, own_service: Services, saw: Saw) -> None:
    """A queued job that is cancelled never runs, even if all workers start anew; cancelled again it stays so."""
    service = own_service(own_store(), **IMPATIENT).start_gateway()
    with service.client() as client:
        job, other = posted(client), posted(client, n_clusters=2)
        for _ in range(2):
            answer = client.post(job["links"]["cancel"])
            assert answer.status_code == 200, answer.text
            assert answer.json()["status"] == "cancelled"
        service.start_worker()
        service.wait_for_workers()
        assert ended(client, other)["status"] == "succeeded"
        service.workers.pop().stop()
        service.start_worker()
        service.wait_for_workers()
        assert finished(client)["attempt"] == 1
        assert now_of(client, job)["attempts"] == []
        assert event_names(client, job) == ["queued", "cancelled"]
        problem(client.get(job["links"]["result"]), 422, "job_cancelled")
        problem(client.post(other["links"]["cancel"]), 409, "already_ended")
        assert [path for path in service.blob_files() if job_of(path) == job["id"]] == []
    saw(runs=0)


@pytest.mark.parametrize("kind", ["reporting", "mute"])
def test_15_cancel_a_running_job(own_store: Stores, own_service: Services, saw: Saw, kind: str) -> None:
    """A running job is cancelled at once, its place is free within 5 s, and its neighbour is not touched."""
    service = own_service(own_store(), **{**IMPATIENT, "lease_seconds": 15}).start_gateway()
    worker = service.start_worker(concurrency=2)
    service.wait_for_workers()
    image, params = (MUTE_IMAGE, MUTE) if kind == "mute" else (LONG_IMAGE, LONGER)
    with service.client() as client, ThreadPoolExecutor() as pool:
        job = running_job(client, image, **params)
        neighbour = running_job(client)
        streamed = pool.submit(event_names, client, job)
        assert client.post(job["links"]["cancel"]).json()["status"] == "cancelled"
        begin = time.monotonic()
        until(lambda: any(words in worker.text() for words in LATE), "its place is free", 5)
        free = time.monotonic() - begin
        done = ended(client, neighbour)
        assert (done["status"], done["attempt"]) == ("succeeded", 1)
        assert streamed.result(5)[-1] == "cancelled"
        assert reasons(now_of(client, job)) == ["cancelled"]
        assert finished(client)["attempt"] == 1
        assert [path for path in service.blob_files() if job_of(path) == job["id"]] == []
    saw(place_free_after_s=free)


def test_15_delete(own_store: Stores, own_service: Services, saw: Saw) -> None:
    """A deleted job is unknown and has left nothing, whether it ran or had ended."""
    store = own_store()
    service = begun(own_service(store, **IMPATIENT))
    with service.client() as client:
        for job in (running_job(client), finished(client)):
            assert client.delete(job["links"]["self"]).status_code == 204
            problem(client.get(job["links"]["self"]), 404, "not_found")
            problem(client.delete(job["links"]["self"]), 404, "not_found")
        until(lambda: not service.blob_files(), "no file is left", 5)
        with store.client() as redis:
            # What is known of workers and queues is of no job; what is known of work ends by itself.
            left = [
                key
                for key in redis.keys("huemill*")
                if not key.endswith((b"workers", b"fast", b"slow", b"pace", b"time"))
            ]
            left = [key for key in left if redis.ttl(key) < 0]
        assert left == []
        assert finished(client)["attempt"] == 1
    saw(keys_left=len(left), files_left=0)


def test_14_a_rolling_restart_under_load(own_store: Stores, own_service: Services, saw: Saw) -> None:
    """Every worker is stopped in turn under load: each exits in its grace time, no job is lost, none fails."""
    service = own_service(own_store(), **{**IMPATIENT, "lease_seconds": 15, "drain_seconds": 5}).start_gateway()
    workers = [service.start_worker(), service.start_worker()]
    service.wait_for_workers(2)
    with service.client() as client:
        jobs = [posted(client, **{**LONG, "seed": seed}) for seed in range(8)] + [
            posted(client, encoded(noise(30, 30, seed))) for seed in range(60)
        ]
        waits = []
        for worker in workers:
            service.start_worker()
            begin = time.monotonic()
            os.killpg(worker.pid, signal.SIGTERM)  # its children as well, as a terminal does
            worker.process.wait(10)
            waits.append(time.monotonic() - begin)
            assert worker.process.returncode == 0
        done = [ended(client, job) for job in jobs]
        assert {job["status"] for job in done} == {"succeeded"}
        assert {job["attempt"] for job in done} == {1}
        assert [event_names(client, job).count("succeeded") for job in done] == [1] * len(jobs)
        assert max(waits) < 8
    saw(jobs=len(jobs), lost=0, failed=0, slowest_exit_s=max(waits))


def test_14_a_job_longer_than_the_grace_time(own_store: Stores, own_service: Services, saw: Saw) -> None:
    """A job that does not end in the grace time goes back without using up an attempt, and is sent at once."""
    service = begun(
        own_service(own_store(), **{**IMPATIENT, "lease_seconds": 30, "resend_seconds": 30}), drain_seconds=1
    )
    (worker,) = service.workers
    with service.client() as client:
        job = running_job(client, LONG_IMAGE, **LONGER)
        children = children_of(worker.pid)
        begin = time.monotonic()
        os.kill(worker.pid, signal.SIGTERM)
        worker.process.wait(10)
        stopped = time.monotonic() - begin
        assert stopped < 8  # a second of grace, and at most five to exit
        assert [pid for pid in children if lives(pid)] == []
        until(lambda: now_of(client, job)["status"] == "queued", "the job is back in the queue", 5)
        assert now_of(client, job)["attempt"] == 0
        service.start_worker()
        until(lambda: now_of(client, job)["status"] == "running", "another worker has it", 30)
        found = now_of(client, job)
        assert (found["attempt"], reasons(found)) == (1, ["worker_stopped", None])
        client.post(job["links"]["cancel"])
    saw(exit_after_s=stopped, attempts_used=found["attempt"] - 1)


def job_of(path: os.PathLike[str]) -> str:
    """The job that a blob is of: uploads/{job}, results/{job}/..."""
    parts = os.fspath(path).split("/")
    root = "uploads" if "uploads" in parts else "results"
    return parts[parts.index(root) + 1].split("#")[0]


def seconds_between(begin: str, end: str) -> float:
    return (datetime.fromisoformat(end) - datetime.fromisoformat(begin)).total_seconds()
