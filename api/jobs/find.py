"""A job by its id, as strangers give it."""

from shared.contract.errors import NotFound
from shared.jobs.clients import JobStore
from shared.jobs.model import Job, is_job_id


async def find(job_id: str, store: JobStore) -> Job:
    """The job. Raises NotFound where there is none, and UnreadableRecord."""
    job = await store.get(job_id) if is_job_id(job_id) else None
    if job is None:
        raise NotFound(f"There is no job {job_id[:64]!r} (any more). POST /v1/jobs makes one, and answers its id.")
    return job
