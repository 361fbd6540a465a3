"""Changes of jobs: the scripts that make them, and their arguments.

Every change is one `moves.lua`: compare the status and the claim, then set fields, event and due time, or nothing. So a
stale worker, a repeated message and two sweeps at once are harmless.
"""

from collections.abc import Mapping
from datetime import timedelta
from importlib.resources import files
from typing import Any, Literal, NamedTuple

import orjson

from shared.jobs.codec import dump_attempts, dump_error
from shared.jobs.keys import DUE, JOINED, events_key, job_key, pace_key, queued_key
from shared.jobs.model import TRANSITIONS, Job, JobError, Move, now


def _script(name: str) -> str:
    return files("shared.jobs").joinpath(f"{name}.lua").read_text()


def _with_functions(name: str) -> str:
    """A script with the functions about turns, followers and callbacks before it, but behind its own first line."""
    first, _, rest = _script(name).partition("\n")
    return "".join([first, "\n", *map(_script, ("turns", "followers", "callbacks")), rest])


CREATE, WITHDRAW, MOVE, RESCUE = (_with_functions(name) for name in ("create", "withdraw", "moves", "rescue"))
TURN, POSITIONS = (_with_functions(name) for name in ("turn", "positions"))
RESERVE, RELEASE = (_script(name) for name in ("reserve", "release"))
FIND, WAITING = _script("find"), _script("waiting")
EVENTS_KEPT = 1000
# A store that syncs its file every second forgets the last second or two when it dies, the end of a job among them.
# So long the uploads of a job that has ended are kept: then it can run again.
SETTLE_SECONDS = 5.0

Fields = Mapping[str, str | bytes]
"""Of a job's hash, as they are written."""


class Hold(NamedTuple):
    """What fences a move: nothing is done if the job's claim is another one by now."""

    job_id: str
    claim: int
    queue: str


def hold_of(job: Job) -> Hold:
    return Hold(job.id, job.claim, job.queue)


def keys_of(hold: Hold) -> list[str]:
    """What every script touches."""
    of_queue = [queued_key(hold.queue), pace_key(hold.queue)]
    return [job_key(hold.job_id), events_key(hold.job_id), DUE, *of_queue, JOINED]


def move_args(
    hold: Hold,
    move: Move,
    due_in: float,
    fields: Fields,
    event: Mapping[str, Any] | None,
    *,
    due_by: float | Literal["now"] | None = None,
    only_from: str | None = None,
) -> tuple[list[str], list[str | bytes | float]]:
    """Keys and arguments of moves.lua.

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


def settle_seconds(result_ttl: float) -> float:
    """From a job's end to its settling, which is no later than its expiry, `result_ttl` seconds after its end."""
    return min(SETTLE_SECONDS, result_ttl)


def end_fields(result_ttl: float) -> dict[str, str | bytes]:
    """What is written of a job that ends now, and expires `result_ttl` seconds later."""
    end = now()
    return {"finished_at": end.isoformat(), "expires_at": (end + timedelta(seconds=result_ttl)).isoformat()}


def failure_fields(job: Job, error: JobError, result_ttl: float) -> dict[str, str | bytes]:
    """What is written of a job that fails now."""
    attempts = dump_attempts(job.attempts_ended(error.code))
    return {"error": dump_error(error), "attempts": attempts, **end_fields(result_ttl)}
