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

_FIXED = {"id", "params", "queue", "upload", "mask", "created_at", "traceparent"}
_CHANGING = set(Job.model_fields) - _FIXED
_JSON = {"progress", "error", "attempts"}
# What nobody needs to bring a job to its end: in a form that is not known here it counts as not there.
_DISPENSABLE = {"traceparent", "started_at", "progress", "error"}
_PARAMS: TypeAdapter[AnyParams] = TypeAdapter(Params)


def encode(job: Job) -> dict[str, str | bytes]:
    """A new job as the fields of its hash."""
    fixed = job.model_dump(mode="json", include=_FIXED)
    # With a default value a parameter means what it meant before there was one: who does not know it may pass over it.
    fixed["given"] = list(job.params.model_dump(exclude_defaults=True))
    return {
        "record": orjson.dumps(fixed),
        "status": job.status,
        "attempt": str(job.attempt),
        "claim": str(job.claim),
    }


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
    params = read_params(record["params"], record.get("given"))
    changing = {name: _value(name, fields[name.encode()]) for name in _CHANGING if fields.get(name.encode())}
    values = {**record, **changing, "params": params}
    try:
        return Job.model_validate(values)
    except ValidationError as error:
        wrong = {str(item["loc"][0]) for item in error.errors()}
        if not wrong <= _DISPENSABLE:
            raise
        return Job.model_validate({name: value for name, value in values.items() if name not in wrong})


def _value(name: str, raw: bytes) -> Any:
    if name not in _JSON:
        return raw.decode()
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        return raw  # which no field takes


def read_params(raw: Any, given: Any = None) -> AnyParams | UnknownParams:
    """Stored parameters; as they are, where this version does not know them.

    `given`: the names of those that had no default value for who has written them. A name that is not known here, and
    not among these, changes nothing.
    """
    try:
        return _PARAMS.validate_python(raw)
    except ValidationError as error:
        # The place of an error begins with the algorithm.
        unknown = {
            item["loc"][1] for item in error.errors() if item["type"] == "extra_forbidden" and len(item["loc"]) == 2
        }
        if unknown and isinstance(given, list) and not any(name in given for name in unknown):
            return read_params({name: value for name, value in raw.items() if name not in unknown})
        return UnknownParams.model_validate(raw)


def dump_attempts(attempts: tuple[Attempt, ...]) -> bytes:
    return orjson.dumps([attempt.model_dump(mode="json") for attempt in attempts])


def dump_error(error: JobError) -> bytes:
    return orjson.dumps(error.model_dump())
