"""What routes ask for, by annotation: `store: StoreDep`."""

from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends, Path, Request
from redis.asyncio import Redis

from api.intake.fetch import Fetcher
from api.intake.slots import Slots
from api.upkeep.collector import Collector
from api.upkeep.supervise import Supervisor
from api.upkeep.sweeper import Sweeper
from shared.contract.errors import NotFound
from shared.jobs.clients import JobStore
from shared.jobs.model import Job, is_job_id
from shared.jobs.queue import Queue
from shared.jobs.sweep import SweepStore
from shared.runtime.settings import Settings
from shared.storage.blobs import Blobs
from shared.storage.images import ImageStore
from shared.storage.stored_images import StoredImages
from shared.storage.sync_blobs import SyncBlobs


@dataclass(frozen=True)
class Parts:
    """The gateway's parts, wired in `api.main`."""

    settings: Settings
    redis: Redis
    store: JobStore
    due: SweepStore
    blobs: Blobs
    sync_blobs: SyncBlobs
    queue: Queue
    images: ImageStore
    stored: StoredImages
    fetcher: Fetcher
    slots: Slots
    sweeper: Sweeper
    collector: Collector
    supervisor: Supervisor


def _parts(request: Request) -> Parts:
    return cast(Parts, request.app.state.parts)


PartsDep = Annotated[Parts, Depends(_parts)]


JobIdDep = Annotated[str, Path(description="As `POST /v1/jobs` answered it.")]


async def existing_job(parts: PartsDep, job_id: JobIdDep) -> Job:
    """The job. Raises NotFound where there is none."""
    job = await parts.store.get(job_id) if is_job_id(job_id) else None
    if job is None:
        raise NotFound(f"There is no job {job_id[:64]!r}. Ids are given by POST /v1/jobs.")
    return job


JobDep = Annotated[Job, Depends(existing_job)]
