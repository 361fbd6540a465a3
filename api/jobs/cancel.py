"""The end of a job that nobody wants any more, and of every trace of it."""

from api import metrics
from api.jobs.find import find
from shared.contract.errors import NotFound, UnreadableRecord
from shared.jobs.clients import JobStore
from shared.jobs.model import Job, JobStatus
from shared.storage.blobs import Blobs
from shared.storage.keys import upload_key
from shared.storage.results import remove_result, remove_result_of


async def cancel(job: Job, store: JobStore, blobs: Blobs) -> Job:
    """The job, ended: cancelled now, if it had not ended before. Raises NotFound if it was deleted meanwhile."""
    found = await store.cancel(job)
    if found is None:
        raise NotFound(f"The job {job.id} was deleted.")
    if found.status is JobStatus.CANCELLED:
        if not job.ended:
            metrics.ended.labels(JobStatus.CANCELLED, "").inc()
        for upload in job.uploads:
            await blobs.delete(upload.key)
    return found


async def delete(job_id: str, store: JobStore, blobs: Blobs, owner: str = "") -> None:
    """Remove a job with its uploads, its result and its events, also one whose record cannot be read; one that has not
    ended is cancelled first. With an owner, only if it is his. Raises NotFound where there is none.
    """
    try:
        job = await find(job_id, store, owner)
        owner = job.owner
    except UnreadableRecord:
        for key in (upload_key(job_id), upload_key(job_id, "mask")):
            await blobs.delete(key)
        await remove_result_of(job_id, job_id, store, blobs)
    else:
        ended = await cancel(job, store, blobs)
        for upload in job.uploads:
            await blobs.delete(upload.key)
        await remove_result(ended, store, blobs)
    # The record last: if anything fails before, the job is still there to be deleted.
    await store.forget(job_id, owner)
