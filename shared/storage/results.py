"""The files of a job's result, which other jobs may have too: then they stay."""

from shared.jobs.clients import JobStore
from shared.jobs.model import Job
from shared.storage.blobs import Blobs
from shared.storage.keys import owner_of, result_prefix


async def remove_result(job: Job, store: JobStore, blobs: Blobs) -> None:
    """Remove what any attempt at the job has written, or who has made its result; unless another job has that too."""
    await remove_result_of(job.id, owner_of(job.result_key) if job.result_key else job.id, store, blobs)


async def remove_result_of(job_id: str, maker_id: str, store: JobStore, blobs: Blobs) -> None:
    """The same for a job of which no more is known than its id."""
    if await store.release(job_id, maker_id):
        await blobs.delete_all(result_prefix(maker_id))
