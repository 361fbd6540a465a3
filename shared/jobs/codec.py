"""A job as the fields of its hash, and a move as the arguments of move.lua."""

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import orjson

from shared.jobs.model import TRANSITIONS, Attempt, Job, JobError, JobStatus, Move
from shared.jobs.queue import queue_of

DUE = "huemill:due"
EVENTS_KEPT = 1000
_JSON_FIELDS = ("progress", "error", "attempts")


def job_key(job_id: str) -> str:
    return f"huemill:job:{job_id}"


def events_key(job_id: str) -> str:
    return f"huemill:job:{job_id}:events"


def queued_key(queue: str) -> str:
    return f"{queue}:queued"


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


def entries_of(answer: Any) -> list[tuple[bytes, dict[bytes, bytes]]]:
    """The entries of XREAD's answer for one stream: RESP2 answers with a list, RESP3 with a map of lists."""
    if not answer:
        return []
    return next(iter(answer.values()))[0] if isinstance(answer, dict) else answer[0][1]  # type: ignore[no-any-return]


def dump_attempts(attempts: tuple[Attempt, ...]) -> bytes:
    return orjson.dumps([attempt.model_dump(mode="json") for attempt in attempts])


def dump_error(error: JobError) -> bytes:
    return orjson.dumps(error.model_dump())


class Hold(NamedTuple):
    """What fences a move: nothing is done if the job's claim is another one by now."""

    job_id: str
    claim: int
    queue: str


def hold_of(job: Job) -> Hold:
    return Hold(job.id, job.claim, queue_of(job))


def keys_of(hold: Hold) -> list[str]:
    """What move.lua and create.lua touch."""
    return [job_key(hold.job_id), events_key(hold.job_id), DUE, queued_key(hold.queue)]


def move_args(
    hold: Hold,
    move: Move,
    due_in: float,
    fields: Mapping[str, str | bytes],
    event: Mapping[str, Any] | None,
    *,
    due_by: float | Literal["now"] | None = None,
    only_from: JobStatus | None = None,
) -> tuple[list[str], list[str | bytes | float]]:
    """Keys and arguments of move.lua.

    `due_in`: seconds until the sweep looks at the job. `due_by`: only if the job is due now, or by that time, as it
    was when the sweep read it. `only_from`: the one of the move's states that `fields` were made for.
    """
    sources, to = TRANSITIONS[move]
    target = to or only_from
    assert target is not None
    name = "progress" if move is Move.REPORT else str(target)
    payload = orjson.dumps(event) if event is not None else b""
    pairs = [part for pair in {"status": str(target), **fields}.items() for part in pair]
    fence: list[str | bytes | float] = [
        only_from or ",".join(sources),
        hold.claim,
        hold.job_id,
        "" if due_by is None else due_by,
    ]
    return keys_of(hold), [*fence, due_in, EVENTS_KEPT, name, payload, *pairs]
