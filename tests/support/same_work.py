"""Jobs of the same work in a store and a folder, and all that becomes of them there."""

from typing import Any

import redis

from api.jobs.cancel import cancel, delete
from shared.contract.params import KMeansParams
from shared.jobs.clients import Created, Way
from shared.jobs.keys import DUE
from shared.jobs.model import Job, Upload, new_job, new_job_id
from shared.jobs.routing import FAST
from shared.storage.keys import attempt_prefix
from shared.storage.sync_blobs import SyncBlobs
from tests.support.bench import Bench
from tests.support.gateway import Gateway


class SameWork:
    """A gateway's parts and a worker, for jobs of the same work."""

    def __init__(self, bench: Bench, parts: Gateway, client: redis.Redis) -> None:
        self.bench, self.parts, self.redis = bench, parts, client
        self.files = SyncBlobs(bench.settings.blob_url)

    def create(self, params: Any = None, *, join: bool = True) -> tuple[Job, Created]:
        job_id = new_job_id()
        job = new_job(job_id, params or KMeansParams(), Upload(key=f"uploads/{job_id}", size=3, sha256="0" * 64))
        self.files.write(job.upload.key, b"png")
        return job, self.parts.run(self.parts.store.create(job, join=join))

    def jobs(self, count: int) -> list[Job]:
        """A leader, and who waits for its end."""
        made = [self.create() for _ in range(count)]
        assert [created.way for _, created in made] == [Way.CREATED] + [Way.JOINED] * (count - 1)
        return [job for job, _ in made]

    def get(self, job: Job) -> Job:
        found = self.parts.run(self.parts.store.get(job.id))
        assert found is not None
        return found

    def succeed(self, job: Job) -> Job:
        """A worker claims it, writes its files and ends it."""
        begun = self.bench.worker.claim(job.id)
        assert begun is not None
        prefix = attempt_prefix(begun.id, begun.claim)
        self.files.write(f"{prefix}result.json", b"{}")
        assert self.bench.worker.succeed(begun, prefix)
        return self.get(job)

    def readable(self, job: Job) -> bool:
        key = self.get(job).result_key
        return key is not None and self.parts.run(self.parts.blobs.exists(f"{key}result.json"))

    def results(self) -> int:
        """How many there are in the storage."""

        async def count() -> int:
            return len([entry async for entry in self.parts.blobs.entries("results/")])

        return self.parts.run(count())

    def expire(self, job: Job) -> None:
        for _ in range(2):  # it settles, and expires
            self.redis.zadd(DUE, {job.id: 1})
            self.parts.run(self.parts.sweeper.handle(job.id))

    def delete(self, job: Job) -> None:
        self.parts.run(delete(job.id, self.parts.store, self.parts.blobs))

    def cancel(self, job: Job) -> None:
        self.parts.run(cancel(job, self.parts.store, self.parts.blobs))

    def withdraw(self, job: Job) -> None:
        assert self.parts.run(self.parts.store.withdraw(job))

    def places(self) -> list[str]:
        return [raw.decode() for raw in self.redis.zrange(f"{FAST}:queued", 0, -1)]
