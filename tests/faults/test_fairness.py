"""One floods the service with thousands of jobs, others want one: fault 17."""

import asyncio
import os
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from shared.contract.params import AnyParams, HdbscanParams, KMeansParams
from shared.jobs.keys import job_key
from shared.jobs.model import Job, JobStatus, Upload, new_job, new_job_id
from shared.jobs.routing import FAST
from shared.runtime.settings import Settings
from tests.support.gateway import Gateway, gateway
from tests.support.images import encoded, noise
from tests.support.processes import Service, StoreServer
from tests.support.waiting import until

Stores = Callable[..., StoreServer]
Services = Callable[..., Service]
Saw = Callable[..., None]

FLOOD, SMALL_FLOOD = 5000, 500
ROUNDS = 15
IMAGE = encoded(noise(96, 96))


class Clients:
    """Key holders, who post past the gateway's routes: keys are another matter."""

    def __init__(self, service: Service, parts: Gateway) -> None:
        self.service, self.parts = service, parts
        self.folder = service.blobs / "uploads"
        self.folder.mkdir(parents=True, exist_ok=True)
        (service.folder / "image.png").write_bytes(IMAGE)

    def job(self, owner: str, params: AnyParams) -> Job:
        job_id = new_job_id()
        os.link(self.service.folder / "image.png", self.folder / job_id)
        upload = Upload(key=f"uploads/{job_id}", size=len(IMAGE), sha256="0" * 64, filename="a.png")
        return new_job(job_id, params, upload, owner=owner)

    def post(self, owner: str, params: AnyParams) -> Job:
        job = self.job(owner, params)
        self.parts.run(self.parts.store.create(job))
        self.parts.run(self.parts.due.send(job))
        return job

    def flood(self, count: int, owner: str, params: AnyParams) -> list[Job]:
        """So many jobs, and a message for each."""
        jobs = [self.job(owner, params) for _ in range(count)]

        async def create() -> None:
            for at in range(0, count, 50):
                await asyncio.gather(*(self.parts.store.create(job) for job in jobs[at : at + 50]))

        self.parts.run(create())
        for job in jobs:
            self.parts.run(self.parts.due.send(job))
        return jobs

    def now(self, job: Job) -> Job:
        found = self.parts.run(self.parts.store.get(job.id))
        assert found is not None
        return found

    def seconds(self, owner: str, params: AnyParams) -> tuple[float, Job]:
        """From the post of a job to its end; and the job."""
        begin = time.perf_counter()
        job = self.post(owner, params)
        until(lambda: self.now(job).ended, "the job has ended", 60, 0.001)
        took = time.perf_counter() - begin
        assert self.now(job).status is JobStatus.SUCCEEDED
        return took, job


@contextmanager
def clients(service: Service) -> Iterator[Clients]:
    settings = Settings(redis_url=service.store.url, blob_url=service.blobs.as_uri())
    with gateway(settings) as parts:
        yield Clients(service, parts)


def begun(redis: Any, jobs: list[Job]) -> list[float]:
    """When workers claimed those of the jobs that they have claimed."""
    with redis.pipeline(transaction=False) as pipe:
        for job in jobs:
            pipe.hget(job_key(job.id), "began")
        return [float(at) for at in pipe.execute() if at]


def begun_before(redis: Any, jobs: list[Job], job: Job) -> int:
    """How many of the jobs were begun from when this one came to when it was begun, all by Redis' clock."""
    (at,) = begun(redis, [job])
    came = float(redis.hget(job_key(job.id), "place"))
    return sum(came < each < at for each in begun(redis, jobs))


@pytest.mark.alone
def test_17_a_flood_of_slow_jobs_and_a_fast_one(own_store: Stores, own_service: Services, saw: Saw) -> None:
    """While 5,000 HDBSCAN jobs of one key holder are done, a KMeans job of another waits for none of them, with workers
    as `huemill serve` has them: one of them takes fast jobs only, and has none of the flood.

    How long it takes beside an idle service is told, and not held: both workers share the machine's cores.
    """
    service = own_service(own_store(), threads=1).start_gateway()
    service.start_worker(queues=[FAST])
    slower = service.start_worker()
    service.wait_for_workers(2)
    params = KMeansParams(n_clusters=8)
    with clients(service) as them, service.store.client() as redis:
        idle = [them.seconds("hm_one", params)[0] for _ in range(ROUNDS + 3)][3:]
        jobs = them.flood(FLOOD, "hm_many", HdbscanParams())
        until(lambda: begun(redis, jobs[:3]), "the flood is being done", 30)
        before = len(begun(redis, jobs))
        flooded, overtaken = [], []
        for _ in range(ROUNDS):
            seconds, job = them.seconds("hm_one", params)
            flooded.append(seconds)
            overtaken.append(begun_before(redis, jobs, job))
        done = len(begun(redis, jobs))
        done_jobs = [them.now(job) for job in jobs[: done - 1]]
        assert before < done < FLOOD, "it went on meanwhile"
    saw(
        idle_ms=1000 * statistics.median(idle),
        flooded_ms=1000 * statistics.median(flooded),
        flood_done=done,
        begun_before=max(overtaken),
    )
    assert max(overtaken) <= 2, "the other worker goes on meanwhile"
    assert {at.worker.split(":")[-1].split("/")[0] for job in done_jobs for at in job.attempts} == {str(slower.pid)}


@pytest.mark.parametrize("slots", [1, 2])
def test_17_a_flood_and_a_job_of_the_same_kind(own_store: Stores, own_service: Services, saw: Saw, slots: int) -> None:
    """In the same queue too: when another's first job comes, each worker at most begins one more of the flood."""
    service = own_service(own_store(), threads=1).start_gateway()
    service.start_worker(concurrency=slots)
    service.wait_for_workers()
    with clients(service) as them, service.store.client() as redis:
        jobs = them.flood(SMALL_FLOOD, "hm_many", HdbscanParams())
        until(lambda: begun(redis, jobs[:3]), "the flood is being done", 30)
        overtaken = []
        for owner in ("hm_ada", "hm_bo", "hm_zoe"):
            job = them.post(owner, HdbscanParams())
            until(lambda job=job: them.now(job).ended, "the job has ended", 60, 0.005)
            overtaken.append(begun_before(redis, jobs, job))
        assert len(begun(redis, jobs)) < SMALL_FLOOD, "it was far from done"
    saw(slots=slots, begun_before_the_others_first=max(overtaken))
    assert max(overtaken) <= slots
