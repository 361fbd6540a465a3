"""What there is to say of a job whose time is over: what is gone, since when, and what to do."""

from api.http.hrefs import href
from shared.jobs.model import Job


def result_expired(job: Job) -> str:
    """Of its result, and all that is made of it."""
    return f"The result of this job ({_what(job)}) expired {_since(job)}. Post the image again to have it anew."


def events_expired(job: Job) -> str:
    """Of its events."""
    place = href(f"/v1/jobs/{job.id}")
    return f"The events of this job ({_what(job)}) expired {_since(job)}. GET {place} tells how it ended."


def _what(job: Job) -> str:
    return f"{job.params.algorithm[:64]} of {job.upload.filename or 'an image without a name'}"


def _since(job: Job) -> str:
    assert job.expires_at is not None
    return f"at {job.expires_at:%Y-%m-%d %H:%M:%S} UTC"
