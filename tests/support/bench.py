"""Both sides' hands on a store with no worker at it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from api.jobs.follow import follow
from shared.contract.params import KMeansParams
from shared.jobs.clients import JobStore
from shared.jobs.events import FIRST, Event
from shared.jobs.guard import GuardStore
from shared.jobs.keys import DUE
from shared.jobs.message import message_of
from shared.jobs.model import Job, JobStatus, Upload, new_job, new_job_id
from shared.jobs.routing import FAST
from shared.jobs.streams import Streams
from shared.jobs.sweep import SweepStore
from shared.jobs.worker import WorkerStore
from shared.runtime import connections
from shared.runtime.settings import Settings
from shared.storage.sync_blobs import SyncBlobs
from tests.support.gateway import gateway
from tests.support.processes import StoreServer

T = TypeVar("T")


def worker_store(settings: Settings, worker: str) -> WorkerStore:
    """A worker's side, as its child wires it."""
    return WorkerStore(
        connections.retrying(settings),
        connections.failing_fast(settings),
        worker,
        lease_seconds=settings.lease_seconds,
        result_ttl_seconds=settings.result_ttl_seconds,
    )


def guard_store(settings: Settings) -> GuardStore:
    """A guard's side, as its process wires it."""
    return GuardStore(connections.guard(settings), lease_seconds=settings.lease_seconds)


@dataclass
class Bench:
    """A store with both sides' hands on it; each question opens a gateway's side of its own."""

    settings: Settings
    worker: WorkerStore
    guard: GuardStore
    server: StoreServer

    def ask(self, question: Callable[[JobStore], Coroutine[Any, Any, T]]) -> T:
        """The answer of a client's side."""
        with gateway(self.settings) as parts:
            return parts.run(question(parts.store))

    def ask_sweep(self, question: Callable[[SweepStore], Coroutine[Any, Any, T]]) -> T:
        """The answer of a sweep's side."""
        with gateway(self.settings) as parts:
            return parts.run(question(parts.due))

    def sweep(self) -> None:
        with gateway(self.settings) as parts:
            parts.sweep()

    def collect(self) -> None:
        """All that belongs to nothing is removed, however young."""
        with gateway(self.settings.model_copy(update={"orphan_seconds": 1e-6})) as parts:
            parts.run(parts.collector.collect())

    def create(self, *, sent: bool = False) -> Job:
        """A new job; with its message, or as if that was lost."""
        job_id = new_job_id()
        upload = Upload(key=f"uploads/{job_id}", size=3, sha256="0" * 64, filename="a.png")
        SyncBlobs(self.settings.blob_url).write(upload.key, b"png")
        job = new_job(job_id, KMeansParams(), upload)
        self.ask(lambda store: store.create(job, message=message_of(job) if sent else b""))
        return job

    def claimed(self) -> Job:
        job = self.worker.claim(self.create().id)
        assert job is not None
        return job

    def get(self, job: Job) -> Job | None:
        return self.ask(lambda store: store.get(job.id))

    def status(self, job: Job) -> JobStatus:
        found = self.get(job)
        assert found is not None
        return found.status

    def messages(self) -> int:
        with self.server.client() as client:
            return int(client.llen(FAST))

    def let_time_come(self, job: Job) -> None:
        """The job is due now."""
        with self.server.client() as client:
            client.zadd(DUE, {job.id: 1})


def events_of(bench: Bench, job: Job, after: str = FIRST) -> list[Event]:
    async def read(streams: Streams) -> list[Event]:
        found, last = [], after
        while page := await streams.page(job.id, last):
            found, last = [*found, *page], page[-1].id
        return found

    with gateway(bench.settings) as parts:
        return parts.run(read(parts.streams))


@asynccontextmanager
async def started(streams: Streams) -> AsyncIterator[Streams]:
    """The same streams, which are read while the context lasts."""
    streams.start()
    try:
        yield streams
    finally:
        await streams.stop()


def followed(bench: Bench, job_id: str, seconds: float = 20) -> list[str]:
    """The names of a job's events as one hears them who follows it to its end."""

    async def read(streams: Streams) -> list[str]:
        async with started(streams), asyncio.timeout(seconds):
            return [event.name async for event in follow(job_id, FIRST, streams) if isinstance(event, Event)]

    with gateway(bench.settings) as parts:
        return parts.run(read(parts.streams))
