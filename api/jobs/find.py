"""A job by its id, as strangers give it."""

from shared.contract.errors import NotFound
from shared.jobs.clients import JobStore
from shared.jobs.model import Job, is_job_id


async def find(job_id: str, store: JobStore, owner: str = "") -> Job:
    """The job; with an owner, only if it is his. Raises NotFound where there is none, and UnreadableRecord."""
    job = None
    if is_job_id(job_id):
        job = await (store.get_of(owner, job_id) if owner else store.get(job_id))
    if job is None:
        raise missing(job_id)
    return job


def missing(job_id: str) -> NotFound:
    """What there is to say of a job that never was, and of one that went while it was asked for."""
    return NotFound(f"There is no job {job_id[:64]!r} (any more). POST /v1/jobs makes one, and answers its id.")
