"""Both sides' hands on a store with no worker at it."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from api.main import wire
from api.upkeep.sweeper import sweep
from shared.contract.params import KMeansParams
from shared.jobs.codec import DUE
from shared.jobs.model import Job, JobStatus, Upload, new_job, new_job_id
from shared.jobs.queue import FAST
from shared.jobs.store import GatewayStore, GuardStore, WorkerStore
from shared.runtime.settings import Settings
from shared.storage.blobs import Blobs
from tests.support.processes import StoreServer

T = TypeVar("T")


@dataclass
class Bench:
    """A store with both sides' hands on it; each `ask` opens a gateway's side of its own."""

    settings: Settings
    worker: WorkerStore
    guard: GuardStore
    server: StoreServer

    def ask(self, question: Callable[[GatewayStore], Awaitable[T]]) -> T:
        async def run() -> T:
            store = GatewayStore(self.settings)
            try:
                return await question(store)
            finally:
                await store.close()

        return asyncio.run(run())

    def sweep(self) -> None:
        async def run() -> None:
            parts = wire(self.settings)
            await sweep(parts)
            await parts.store.close()

        asyncio.run(run())

    def create(self) -> Job:
        job_id = new_job_id()
        upload = Upload(key=f"uploads/{job_id}", size=3, sha256="0" * 64, filename="a.png")
        Blobs(self.settings.blob_url).put(upload.key, b"png")
        job = new_job(job_id, KMeansParams(), upload)
        self.ask(lambda store: store.create(job))
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


def events_of(bench: Bench, job: Job, after: str = "0-0") -> list[Any]:
    async def read(store: GatewayStore) -> list[Any]:
        return [event async for event in store.follow(job.id, after) if event is not None]

    return bench.ask(read)
