"""A job as the fields of its hash, and back.

Writers are strict, readers are tolerant: a record of a later version is read as far as this one knows it. Names that it
does not know are passed over, values that it does not know are kept as they are where the model has room for them.
"""

from collections.abc import Mapping
from typing import Any

import orjson
from pydantic import TypeAdapter, ValidationError

from shared.contract.errors import UnreadableRecord
from shared.contract.params import AnyParams, Params
from shared.jobs.model import Attempt, Job, JobError, UnknownParams

_FIXED = {
    "id",
    "params",
    "queue",
    "upload",
    "mask",
    "owner",
    "created_at",
    "client_reference",
    "tags",
    "priority",
    "traceparent",
    "callback",
}
_CHANGING = {name.encode(): name for name in Job.model_fields if name not in _FIXED}
_JSON = {b"progress", b"error", b"attempts"}
# What nobody needs to bring a job to its end: in a form that is not known here it counts as not there.
_DISPENSABLE = {
    "client_reference",
    "tags",
    "priority",
    "traceparent",
    "callback",
    "started_at",
    "progress",
    "error",
    "cached",
}
_PARAMS: TypeAdapter[AnyParams] = TypeAdapter(Params)


def encode(job: Job) -> dict[str, str | bytes]:
    """A new job as the fields of its hash."""
    fixed = job.model_dump(mode="json", include=_FIXED)
    # With a default value a parameter means what it meant before there was one: who does not know it may pass over it.
    fixed["given"] = list(job.params.model_dump(exclude_defaults=True))
    fields: dict[str, str | bytes] = {
        "record": orjson.dumps(fixed),
        "listed": listed(job),
        "status": job.status,
        "attempt": str(job.attempt),
        "claim": str(job.claim),
    }
    # The same again for scripts, which read no JSON.
    if job.owner:
        fields["owner"] = job.owner
    if job.callback is not None:
        fields["calls_back"] = f"{job.callback.host} {','.join(job.callback.events)}"
    return fields


def listed(job: Job) -> str:
    """The words that a list may be asked for, each in a line of its own."""
    named = [f"algorithm {job.params.algorithm}", f"priority {job.priority}"]
    if job.client_reference is not None:
        named.append(f"reference {job.client_reference}")
    return "\n".join((*named, *(f"tag {tag}" for tag in job.tags)))


def decode(fields: Mapping[bytes, bytes]) -> Job | None:
    """The job of a hash's fields; None where there is no such hash. A field without text is one without a value.

    Raises UnreadableRecord where it is broken, or lacks what every job has.
    """
    if not fields:
        return None
    try:
        return _job(fields)
    except (ValueError, KeyError) as error:  # no JSON, no UTF-8, no job
        raise UnreadableRecord(
            "The record of this job is broken, or of a version of huemill that this one does not understand."
        ) from error


def _job(fields: Mapping[bytes, bytes]) -> Job:
    record = orjson.loads(fields[b"record"])
    if not isinstance(record, dict):
        raise ValueError("it is no JSON object")
    changing = {_CHANGING[name]: _value(name, raw) for name, raw in fields.items() if raw and name in _CHANGING}
    job = _validated({**record, **changing})
    if isinstance(job.params, UnknownParams):
        return job.model_copy(update={"params": _without_defaults(job.params, record.get("given"))})
    return job


def _value(name: bytes, raw: bytes) -> Any:
    if name not in _JSON:
        return raw.decode()
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        return raw  # which no field takes


def _validated(values: dict[str, Any]) -> Job:
    try:
        return Job.model_validate(values)
    except ValidationError as error:
        wrong = {str(item["loc"][0]) for item in error.errors()}
        if not wrong <= _DISPENSABLE:
            raise
        return Job.model_validate({name: value for name, value in values.items() if name not in wrong})


def _without_defaults(params: UnknownParams, given: Any) -> AnyParams | UnknownParams:
    """The parameters, if all that is not known of them are names of parameters that have their defaults.

    `given`: the names of those that had no default value for who has written them.
    """
    raw = params.model_dump()
    try:
        return _PARAMS.validate_python(raw)
    except ValidationError as error:
        errors = error.errors()
    # The place of an error begins with the algorithm.
    unknown = {item["loc"][1] for item in errors if item["type"] == "extra_forbidden" and len(item["loc"]) == 2}
    if not unknown or not isinstance(given, list) or any(name in given for name in unknown):
        return params
    rest = UnknownParams.model_validate({name: value for name, value in raw.items() if name not in unknown})
    found = _without_defaults(rest, given)
    return params if isinstance(found, UnknownParams) else found


def dump_attempts(attempts: tuple[Attempt, ...]) -> bytes:
    return orjson.dumps([attempt.model_dump(mode="json") for attempt in attempts])


def dump_error(error: JobError) -> bytes:
    return orjson.dumps(error.model_dump())
