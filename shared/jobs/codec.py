"""A job as the fields of its hash, and back."""

from collections.abc import Mapping
from typing import Any

import orjson

from shared.jobs.model import Attempt, Job, JobError

_JSON_FIELDS = ("progress", "error", "attempts")


def encode(job: Job) -> dict[str, str | bytes]:
    """A new job as the fields of its hash."""
    fixed = job.model_dump(mode="json", include={"id", "params", "upload", "mask", "created_at", "traceparent"})
    return {
        "record": orjson.dumps(fixed),
        "status": job.status,
        "attempt": str(job.attempt),
        "claim": str(job.claim),
    }


def decode(fields: Mapping[bytes, bytes]) -> Job | None:
    """The job of a hash's fields; None where there is no such hash. A field without text is one without a value."""
    if not fields:
        return None
    changing: dict[str, Any] = {
        name.decode(): value.decode() for name, value in fields.items() if value and name != b"record"
    }
    for name in _JSON_FIELDS:
        if name in changing:
            changing[name] = orjson.loads(changing[name])
    return Job.model_validate({**orjson.loads(fields[b"record"]), **changing})


def dump_attempts(attempts: tuple[Attempt, ...]) -> bytes:
    return orjson.dumps([attempt.model_dump(mode="json") for attempt in attempts])


def dump_error(error: JobError) -> bytes:
    return orjson.dumps(error.model_dump())
