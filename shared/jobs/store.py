"""Job records and events in Redis. The record is the truth; a queue message is only a hint to look at it.

    huemill:job:{id}          hash: `record` (what never changes, JSON) and the fields that moves change
    huemill:job:{id}:events   stream: what the job said, for those who wait and listen
    huemill:due               sorted set: job id -> when the sweep must look at it next (Redis' clock):
                              queued: its message may be lost; running: its lease ends; ended: it settles, it expires
    {queue}:queued            sorted set: queued job -> since when (the messages alone would count some twice)
    huemill:workers           sorted set: worker -> when it was last heard

Every change of a job is one `move.lua`: compare the status and the claim, then set fields, event and due time, or
nothing. So a stale worker, a repeated message and two sweeps at once are harmless.
"""

import logging
import math
import time
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from importlib.resources import files
from typing import Any, Literal, NamedTuple, cast

import orjson
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from shared.jobs.codec import (
    DUE,
    Hold,
    decode,
    dump_attempts,
    dump_error,
    encode,
    entries_of,
    events_key,
    hold_of,
    job_key,
    keys_of,
    move_args,
    queued_key,
)
from shared.jobs.model import ENDED, Job, JobError, JobStatus, Loss, Move, Progress, now
from shared.jobs.queue import QUEUES
from shared.runtime import connections
from shared.runtime.connections import BLOCK_MS
from shared.runtime.settings import Settings

WORKERS = "huemill:workers"
WORKER_SILENT_SECONDS = 15
TOMBSTONE_FACTOR = 7
# The times between two messages of a queued job double up to this factor: a queue may be long without anything lost.
MOST_RESEND_FACTOR = 64
# So long may a message be in no queue before its job is claimed: it is on its way to a worker, or lost.
ON_THE_WAY_SECONDS = 5.0
# A store that syncs its file every second forgets the last second or two when it dies, the end of a job among them.
# So long the uploads of a job that has ended are kept: then it can run again.
SETTLE_SECONDS = 5.0
# What is seen to at a time.
BATCH = 100
# A worker has computed much, and waits for a Redis that refuses about as long as for one that is gone.
REFUSED_SECONDS = 20.0
REFUSED_PAUSE = 0.5
log = logging.getLogger("huemill.store")
_CREATE, _MOVE = (files("shared.jobs").joinpath(name).read_text() for name in ("create.lua", "move.lua"))


class Event(NamedTuple):
    """One entry of a job's stream."""

    id: str
    name: str
    data: dict[str, Any]


class Waiting(NamedTuple):
    """A queue's jobs, and how long the first of them has waited."""

    jobs: int
    age_seconds: float


class Overview(NamedTuple):
    """What waits and works behind the gateways."""

    queues: dict[str, Waiting]
    workers: int


class GatewayStore:
    """The gateway's side, asynchronous: accept, read, follow, sweep."""

    def __init__(self, settings: Settings, redis: Redis | None = None) -> None:
        self._settings = settings
        self._redis = redis or connections.gateway(settings)
        self._create_script = self._redis.register_script(_CREATE)
        self._move_script = self._redis.register_script(_MOVE)

    async def close(self) -> None:
        await self._redis.aclose()

    async def create(self, job: Job) -> str:
        """Store a new job, to be looked at again if nobody claims it; the id of its first event."""
        pairs = [part for pair in encode(job).items() for part in pair]
        event = await self._create_script(keys_of(hold_of(job)), [job.id, self._settings.resend_seconds, *pairs])
        return cast(bytes, event).decode()

    async def get(self, job_id: str) -> Job | None:
        return decode(await cast(Any, self._redis.hgetall(job_key(job_id))))

    async def follow(self, job_id: str, after: str = "0-0", seconds: float = math.inf) -> AsyncIterator[Event | None]:
        """The job's events after the one with id `after`; None whenever nothing came for two seconds.

        Ends with the job's last event, when the job is gone, or after `seconds`. Do not cancel it instead: with
        Python 3.11, redis-py swallows a cancellation that comes while it sends (asyncio.wait_for, fixed in 3.12).
        """
        key = events_key(job_id)
        ended = False
        deadline = time.monotonic() + seconds
        while not ended and (left := deadline - time.monotonic()) > 0:
            block = max(1, int(min(BLOCK_MS, 1000 * left)))
            entries = entries_of(await self._redis.xread({key: after}, count=100, block=block))
            if not entries:
                job = await self.get(job_id)
                if job is None:
                    return
                # The job may have ended since the read: its last event is then there to be read at once.
                if job.ended:
                    entries = entries_of(await self._redis.xread({key: after}))
                    ended = True
                else:
                    yield None
            for entry_id, fields in entries:
                after = entry_id.decode()
                event = Event(after, fields[b"name"].decode(), orjson.loads(fields[b"data"]))
                yield event
                ended = ended or event.name in ENDED

    async def due(self) -> list[str]:
        """The ids of the jobs that the sweep must look at now: the first hundred."""
        ids = cast(
            list[bytes],
            await self._redis.zrange(DUE, "-inf", str(await self._clock()), byscore=True, offset=0, num=BATCH),
        )
        return [raw.decode() for raw in ids]

    async def stranded(self) -> list[tuple[Job, float]]:
        """Queued jobs whose queue is empty, with their due times: their messages are lost. A hundred of each queue.

        Not those whose message was sent within the last seconds: it may be on its way.
        """
        before = await self._clock() - ON_THE_WAY_SECONDS
        async with self._redis.pipeline(transaction=True) as pipe:
            for queue in QUEUES:
                pipe.llen(queue)
                pipe.zrange(queued_key(queue), "-inf", str(before), byscore=True, offset=0, num=BATCH)
            answers = await pipe.execute()
        found = []
        for messages, ids in zip(answers[::2], answers[1::2], strict=True):
            for raw in [] if messages else ids:
                job, due = await self.get(raw.decode()), await self._redis.zscore(DUE, raw)
                if job and job.status is JobStatus.QUEUED and due and due - self._wait(job.resends) < before:
                    found.append((job, due))
        return found

    async def put_off(self, job_id: str) -> None:
        """Do not look at a job for a while: many that cannot be seen to must not hide all others."""
        await self._redis.zadd(DUE, {job_id: await self._clock() + self._settings.resend_seconds})

    async def queued(self) -> int:
        """How many jobs wait for a worker, in all queues."""
        async with self._redis.pipeline(transaction=False) as pipe:
            for queue in QUEUES:
                pipe.zcard(queued_key(queue))
            return sum(await pipe.execute())

    async def is_due(self, job_id: str) -> bool:
        """Whether the sweep must still look at the job now."""
        when = await self._redis.zscore(DUE, job_id)
        return when is not None and float(when) <= await self._clock()

    async def overview(self) -> Overview:
        """Queues and workers as they are now."""
        clock = await self._clock()
        async with self._redis.pipeline(transaction=False) as pipe:
            for queue in QUEUES:
                pipe.zcard(queued_key(queue))
                pipe.zrange(queued_key(queue), 0, 0, withscores=True)
            answers = await pipe.execute()
        queues = {}
        for queue, jobs, first in zip(QUEUES, answers[::2], answers[1::2], strict=True):
            queues[queue] = Waiting(jobs, max(0.0, clock - first[0][1]) if first else 0.0)
        return Overview(queues, len(await self.workers()))

    async def resend(self, job: Job, due_by: float | Literal["now"] = "now") -> bool:
        """Note that the message of a queued job that is due is sent again."""
        resends = job.resends + 1
        return await self._sweep(job, Move.RESEND, self._wait(resends), {"resends": str(resends)}, None, due_by)

    def _wait(self, resends: int) -> float:
        """Seconds from the last of so many more messages to the time at which it may be lost too."""
        return self._settings.resend_seconds * min(2.0**resends, MOST_RESEND_FACTOR)

    async def give_back(self, job: Job, loss: Loss) -> bool:
        """A running job whose attempt is over goes back to the queue; it is due at once, to be sent."""
        fields: dict[str, str | bytes] = {
            "progress": orjson.dumps({"stage": "queued", "fraction": 0.0}),
            "attempt": str(job.attempt - (loss is Loss.WORKER_STOPPED)),
            "attempts": dump_attempts(job.attempts_ended(loss)),
            "loss": "",
            "resends": "",
        }
        event = {"attempt": job.attempt, "reason": loss}
        return await self._sweep(job, Move.RETURN, 0, fields, event)

    async def fail(self, job: Job, error: JobError) -> bool:
        """A running job whose attempt is over is given up."""
        return await self._sweep(job, Move.FAIL, _settle_seconds(self._settings), *_failure(job, error, self._settings))

    async def settle(self, job: Job) -> bool:
        """An ended job that is due needs its uploads no more; it is due again when it expires."""
        assert job.expires_at is not None
        left = max(0.0, (job.expires_at - now()).total_seconds())
        return await self._sweep(job, Move.SETTLE, left, {"settled": "1"}, None, only_from=job.status)

    async def cancel(self, job: Job) -> Job | None:
        """The job as it is afterwards: cancelled, unless it had ended before; None if it is gone.

        Its worker's next word is refused, and it stops.
        """
        found: Job | None = job
        while found is not None and not found.ended:
            fields: dict[str, str | bytes] = {**_end(self._settings)}
            if found.status is JobStatus.RUNNING:
                fields["attempts"] = dump_attempts(found.attempts_ended(str(JobStatus.CANCELLED)))
            due_in, hold = _settle_seconds(self._settings), hold_of(found)
            await self._move_script(*move_args(hold, Move.CANCEL, due_in, fields, {}, only_from=found.status))
            # Refused when it was claimed or given back meanwhile: then it is tried again as it is by then.
            found = await self.get(job.id)
        return found

    async def expire(self, job: Job) -> None:
        """Stop looking at an ended job; its bare record stays a while, to answer «gone» rather than «unknown»."""
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.zrem(DUE, job.id)
            pipe.delete(events_key(job.id))
            pipe.expire(job_key(job.id), int(TOMBSTONE_FACTOR * self._settings.result_ttl_seconds) + 1)
            await pipe.execute()

    async def forget(self, job_id: str) -> None:
        """Remove every trace of a job."""
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.delete(job_key(job_id), events_key(job_id))
            pipe.zrem(DUE, job_id)
            for queue in QUEUES:
                pipe.zrem(queued_key(queue), job_id)
            await pipe.execute()

    async def workers(self) -> list[str]:
        """The workers heard within the last 15 seconds."""
        since = await self._clock() - WORKER_SILENT_SECONDS
        names = cast(list[bytes], await self._redis.zrange(WORKERS, str(since), "inf", byscore=True))
        return [name.decode() for name in names]

    async def _clock(self) -> float:
        seconds, microseconds = await cast(Any, self._redis.time())
        return float(seconds) + float(microseconds) / 1e6

    async def _sweep(
        self,
        job: Job,
        move: Move,
        due_in: float,
        fields: Mapping[str, str | bytes],
        event: Mapping[str, Any] | None,
        due_by: float | Literal["now"] = "now",
        only_from: JobStatus | None = None,
    ) -> bool:
        # What was renewed or swept since it was read is left alone.
        args = move_args(hold_of(job), move, due_in, fields, event, due_by=due_by, only_from=only_from)
        return bool(await self._move_script(*args))


class WorkerStore:
    """The working child's side, synchronous: claim, report, end."""

    def __init__(self, settings: Settings, worker: str) -> None:
        self._settings, self._worker = settings, worker
        self._redis, self._hasty = connections.patient(settings), connections.hasty(settings)
        self._move_script = self._redis.register_script(_MOVE)

    def claim(self, job_id: str) -> Job | None:
        """The job, now this caller's to run; None if it is gone, ended or taken."""
        job = decode(cast(Any, self._redis.hgetall(job_key(job_id))))
        # One that runs may be given back before the move below, which would then write attempts that are out of date.
        if job is None or job.status is not JobStatus.QUEUED:
            return None
        begun = job.begun(self._worker)
        assert begun.started_at is not None
        fields: dict[str, str | bytes] = {
            "attempt": str(begun.attempt),
            "claim": str(begun.claim),
            "started_at": begun.started_at.isoformat(),
            "attempts": dump_attempts(begun.attempts),
        }
        done = self._move(job, Move.CLAIM, self._settings.lease_seconds, fields, {"attempt": begun.attempt})
        return begun if done else None

    def report(self, job: Job, progress: Progress) -> bool:
        """Tell how far the job is, and keep the lease; False when the claim is no longer valid.

        Raises RedisError at once when Redis is out of reach.
        """
        data = progress.model_dump()
        fields = {"progress": orjson.dumps(data)}
        keys, args = move_args(hold_of(job), Move.REPORT, self._settings.lease_seconds, fields, data)
        return bool(self._move_script(keys, args, client=self._hasty))

    def succeed(self, job: Job, result_key: str) -> bool:
        fields: dict[str, str | bytes] = {
            "result_key": result_key,
            "progress": orjson.dumps({"stage": "done", "fraction": 1.0}),
            "attempts": dump_attempts(job.attempts_ended(None)),
            **_end(self._settings),
        }
        return self._move(job, Move.SUCCEED, _settle_seconds(self._settings), fields, {})

    def fail(self, job: Job, error: JobError) -> bool:
        return self._move(job, Move.FAIL, _settle_seconds(self._settings), *_failure(job, error, self._settings))

    def _move(
        self,
        job: Job,
        move: Move,
        due_in: float,
        fields: Mapping[str, str | bytes],
        event: Mapping[str, Any] | None,
    ) -> bool:
        if self._patiently(move_args(hold_of(job), move, due_in, fields, event)):
            return True
        # It may have been done, and the answer lost: then it was refused when it was sent again. The attempts that
        # are written have this worker's name and the time to the microsecond, so nobody else wrote the same.
        return bool(cast(Any, self._redis.hget(job_key(job.id), "attempts")) == fields["attempts"])

    def _patiently(self, args: tuple[list[str], list[Any]]) -> bool:
        """A move's answer. A Redis that takes no writes (made a replica, its disk full) is waited for."""
        deadline = time.monotonic() + REFUSED_SECONDS
        while True:
            try:
                return bool(self._move_script(*args))
            except ResponseError as error:
                if time.monotonic() > deadline:
                    raise
                log.warning("Redis refuses: %s", error)
                time.sleep(REFUSED_PAUSE)


class GuardStore:
    """The side of a worker's main process, synchronous: leases, losses, that it lives. It never waits for long."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._redis = connections.guard(settings)
        self._move_script = self._redis.register_script(_MOVE)

    def renew(self, hold: Hold) -> bool:
        """Keep the lease; False when the claim is no longer valid."""
        return bool(self._move_script(*move_args(hold, Move.REPORT, self._settings.lease_seconds, {}, None)))

    def lose(self, hold: Hold, loss: Loss) -> bool:
        """The attempt is over; the sweep sees to the job at once."""
        return bool(self._move_script(*move_args(hold, Move.LOSE, 0, {"loss": str(loss)}, None)))

    def heard(self, worker: str) -> None:
        """Note that a worker lives."""
        seconds, _ = cast(Any, self._redis.time())
        self._redis.zadd(WORKERS, {worker: seconds})
        self._redis.zremrangebyscore(WORKERS, "-inf", seconds - 100 * WORKER_SILENT_SECONDS)

    def gone(self, worker: str) -> None:
        """Note that a worker stopped."""
        self._redis.zrem(WORKERS, worker)


def _settle_seconds(settings: Settings) -> float:
    """From a job's end to its settling, which is no later than its expiry."""
    return min(SETTLE_SECONDS, settings.result_ttl_seconds)


def _end(settings: Settings) -> dict[str, str]:
    end = now()
    expiry = end + timedelta(seconds=settings.result_ttl_seconds)
    return {"finished_at": end.isoformat(), "expires_at": expiry.isoformat()}


def _failure(job: Job, error: JobError, settings: Settings) -> tuple[dict[str, str | bytes], dict[str, Any]]:
    attempts = dump_attempts(job.attempts_ended(error.code))
    return {"error": dump_error(error), "attempts": attempts, **_end(settings)}, error.model_dump()
