"""Job records as a worker's child needs them: claimed, reported on, ended."""

import logging
import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, cast

import orjson
from redis import Redis
from redis.commands.core import Script
from redis.exceptions import ResponseError

from shared.jobs.codec import decode, dump_attempts
from shared.jobs.keys import job_key
from shared.jobs.model import ENDED, Job, JobError, JobStatus, Move, Progress, UnknownParams, is_job_id, now
from shared.jobs.moves import (
    MOVE,
    TURN,
    Fields,
    Hold,
    end_fields,
    failure_fields,
    hold_of,
    keys_of,
    move_args,
    settle_seconds,
)
from shared.runtime.redis_errors import wrong_type_told

# A worker has computed much, and waits for a Redis that refuses about as long as for one that is gone.
REFUSED_SECONDS = 20.0
REFUSED_PAUSE = 0.5
# A job whose parameters are of a later version is sent again after so long at first, in the hope for a later worker.
REFUSAL_SECONDS, MOST_REFUSAL_SECONDS = 5.0, 60.0
# Whoever is given a job claims it at once; where that does not come, because a worker or an answer was lost, it is sent
# again.
TAKEN_SECONDS = 5.0
_NO_ID = "0" * 32

log = logging.getLogger("huemill.store")


class Turn(NamedTuple):
    """The job whose turn it is."""

    job_id: str
    fields: Mapping[bytes, bytes] | None
    """Of its hash, as they are; None where there is something else."""


class WorkerStore:
    """The working child's side of the job records, synchronous."""

    def __init__(
        self, redis: Redis, report_to: Redis, worker: str, *, lease_seconds: float, result_ttl_seconds: float
    ) -> None:
        """`redis` tries again for long, `report_to` fails at once: what is said again soon need not be waited for."""
        self._redis, self._report_to, self._worker = redis, report_to, worker
        self._lease, self._ttl = lease_seconds, result_ttl_seconds
        self._script, self._turn = redis.register_script(MOVE), redis.register_script(TURN)

    def turn(self, queue: str, named: str = "") -> Turn | None:
        """The job of a queue whose turn it is, for this caller to claim; None where none waits.

        `named`: the job that a message names. A version before this one stands it in no line: it is put there. What is
        no id names none: the keys of all others are made from this one's.
        """
        named = named if is_job_id(named) else ""
        keys = keys_of(Hold(named or _NO_ID, 0, queue))
        answer = self._answer(self._turn, keys, [named, TAKEN_SECONDS])
        if not answer:
            return None
        job_id, pairs = answer
        found = None if pairs is None else dict(zip(pairs[::2], pairs[1::2], strict=True))
        return Turn(job_id.decode(errors="replace"), found)

    def claim(self, job_id: str, read: Mapping[bytes, bytes] | None = None) -> Job | None:
        """The job, now this caller's to run; None if it is gone, ended or taken. `read`: its hash, a moment ago.

        Raises UnreadableRecord, and UnknownParameters when it was left for a worker that knows them.
        """
        with wrong_type_told():
            job = decode(read or cast(Any, self._redis.hgetall(job_key(job_id))))
        # One that runs may be given back before the move below, which would then write attempts that are out of date.
        if job is None or job.status is not JobStatus.QUEUED:
            return None
        if isinstance(job.params, UnknownParams):
            self._refuse(job)
            raise job.params.refusal()
        begun = job.begun(self._worker)
        assert begun.started_at is not None
        fields: dict[str, str | bytes] = {
            "attempt": str(begun.attempt),
            "claim": str(begun.claim),
            "started_at": begun.started_at.isoformat(),
            "attempts": dump_attempts(begun.attempts),
        }
        if job.refused_at is not None:
            fields["refused_at"] = ""
        done = self._move(job, Move.CLAIM, self._lease, fields, {"attempt": begun.attempt})
        return begun if done else None

    def _refuse(self, job: Job) -> None:
        """Leave it queued: in a while it is sent again, at first soon, then ever more rarely."""
        since = job.refused_at or now()
        pause = min(max(REFUSAL_SECONDS, (now() - since).total_seconds()), MOST_REFUSAL_SECONDS)
        fields: dict[str, str | bytes] = {"refused_at": since.isoformat(), "resends": ""}
        self._answer(self._script, *move_args(hold_of(job), Move.REFUSE, pause, fields, None))

    def report(self, job: Job, progress: Progress) -> bool:
        """Tell how far the job is, and keep the lease; False when the claim is no longer valid.

        Raises RedisError at once when Redis is out of reach.
        """
        data = progress.model_dump()
        fields = {"progress": orjson.dumps(data)}
        keys, args = move_args(hold_of(job), Move.REPORT, self._lease, fields, data)
        return bool(self._script(keys, args, client=self._report_to))

    def succeed(self, job: Job, result_key: str) -> bool:
        fields: dict[str, str | bytes] = {
            "result_key": result_key,
            "progress": orjson.dumps({"stage": "done", "fraction": 1.0}),
            "attempts": dump_attempts(job.attempts_ended(None)),
            **end_fields(self._ttl),
        }
        return self._move(job, Move.SUCCEED, settle_seconds(self._ttl), fields, {})

    def has_another(self, job: Job, result_key: str) -> bool:
        """Whether the record tells of a later attempt than the job's, or of an end that is not this result."""
        status, claim, found = cast(Any, self._redis.hmget(job_key(job.id), "status", "claim", "result_key"))
        if status is None or claim is None:
            return False
        return int(claim) > job.claim or (status.decode() in ENDED and found != result_key.encode())

    def fail(self, job: Job, error: JobError) -> bool:
        return self._move(
            job, Move.FAIL, settle_seconds(self._ttl), failure_fields(job, error, self._ttl), error.model_dump()
        )

    def _move(
        self,
        job: Job,
        move: Move,
        due_in: float,
        fields: Fields,
        event: Mapping[str, Any] | None,
    ) -> bool:
        if self._answer(self._script, *move_args(hold_of(job), move, due_in, fields, event)):
            return True
        # It may have been done, and the answer lost: then it was refused when it was sent again. The attempts that
        # are written have this worker's name and the time to the microsecond, so nobody else wrote the same.
        return bool(cast(Any, self._redis.hget(job_key(job.id), "attempts")) == fields["attempts"])

    def _answer(self, script: Script, keys: list[str], args: Sequence[str | bytes | float]) -> Any:
        """A script's answer. A Redis that takes no writes (made a replica, its disk full) is waited for."""
        deadline = time.monotonic() + REFUSED_SECONDS
        while True:
            try:
                return script(keys, args)
            except ResponseError as error:
                if time.monotonic() > deadline:
                    raise
                log.warning("Redis refuses: %s", error)
                time.sleep(REFUSED_PAUSE)
