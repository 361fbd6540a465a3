"""Job records as the gateway's sweep needs them: what is due or lost, and the moves that follow."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Literal, cast

import orjson
from redis.asyncio import Redis

from shared.contract.errors import UnreadableRecord
from shared.jobs.codec import decode, dump_attempts
from shared.jobs.deliveries import LIFE_SECONDS
from shared.jobs.keys import DUE, JOINED, events_key, job_key, jobs_key, queued_key
from shared.jobs.message import message_of
from shared.jobs.model import Job, JobError, JobStatus, Loss, Move, now
from shared.jobs.moves import MOVE, RESCUE, Fields, failure_fields, hold_of, keys_of, move_args, settle_seconds
from shared.jobs.routing import QUEUES
from shared.runtime.connections import time_of
from shared.runtime.redis_errors import asks_redis, wrong_type_told
from shared.runtime.together import Command, Together

# An expired job's bare record is kept for so many times as long as its result was.
TOMBSTONE_FACTOR = 7
# The times between two messages of a queued job double up to this factor: a queue may be long without anything lost.
MOST_RESEND_FACTOR = 64
# So long may a message be in no queue before its job is claimed: it is on its way to a worker, or lost.
ON_THE_WAY_SECONDS = 5.0
# What is seen to at a time.
BATCH = 100


class SweepStore:
    """The sweep's side of the job records, asynchronous."""

    def __init__(self, redis: Redis, *, resend_seconds: float, result_ttl_seconds: float) -> None:
        """`resend_seconds`: until a queued job's message may be lost; `result_ttl_seconds`: from a job's end on."""
        self._redis, self._resend, self._ttl = redis, resend_seconds, result_ttl_seconds
        self._move, self._rescue = redis.register_script(MOVE), redis.register_script(RESCUE)
        self._together = Together(redis)

    @asks_redis
    async def due(self) -> list[str]:
        """The ids of the jobs that the sweep must look at now: the first hundred."""
        found = cast(
            list[bytes],
            await self._redis.zrange(DUE, "-inf", str(await time_of(self._redis)), byscore=True, offset=0, num=BATCH),
        )
        strange = [raw for raw in found if not raw.isascii()]
        if strange:
            await self._redis.zrem(DUE, *strange)  # no key of a job has such a name
        return [raw.decode() for raw in found if raw.isascii()]

    @asks_redis
    async def stranded(self) -> list[tuple[Job, float]]:
        """Queued jobs whose queue is empty, with their due times: their messages are lost. A hundred of each queue.

        Not those whose message was sent within the last seconds: it may be on its way. Not those that a worker has
        refused: they have a pace of their own.
        """
        before = await time_of(self._redis) - ON_THE_WAY_SECONDS
        commands: list[Command] = []
        for queue in QUEUES:
            waiting = ("ZRANGE", queued_key(queue), "-inf", str(before), "BYSCORE", "LIMIT", 0, BATCH)
            commands += [("LLEN", queue), waiting]
        answers = await self._together(*commands)
        found = []
        for queue, messages, ids in zip(QUEUES, answers[::2], answers[1::2], strict=True):
            for raw in [] if messages else ids:
                job, due = await self._waiting(queue, raw)
                if job and due and job.refused_at is None and due - self._wait(job.resends) < before:
                    found.append((job, due))
        return found

    async def _waiting(self, queue: str, raw: bytes) -> tuple[Job | None, float | None]:
        """A job that is listed as queued, and its due time; what is not there, or cannot be read, is listed no more."""
        job = None
        with suppress(UnreadableRecord), wrong_type_told():
            job = decode(await cast(Any, self._redis.hgetall(job_key(raw.decode(errors="replace")))))
        if job is None:
            await self._redis.zrem(queued_key(queue), raw)
        return (job if job and job.status is JobStatus.QUEUED else None), await self._redis.zscore(DUE, raw)

    @asks_redis
    async def put_off(self, job_id: str) -> None:
        """Do not look at a job for a while: many that cannot be seen to must not hide all others."""
        await self._together(await self._putting_off(job_id))

    @asks_redis
    async def set_aside(self, job_id: str) -> None:
        """Put off a job whose record cannot be read, and do not count it as one that waits."""
        listed = (["ZREM", queued_key(queue), job_id] for queue in QUEUES)
        await self._together(*listed, ["SREM", JOINED, job_id], await self._putting_off(job_id))

    async def _putting_off(self, job_id: str) -> Command:
        return ["ZADD", DUE, "XX", str(await time_of(self._redis) + self._resend), job_id]

    @asks_redis
    async def is_due(self, job_id: str) -> bool:
        """Whether the sweep must still look at the job now."""
        when = await self._redis.zscore(DUE, job_id)
        return when is not None and float(when) <= await time_of(self._redis)

    @asks_redis
    async def resend(self, job: Job, due_by: float | Literal["now"] = "now") -> bool:
        """Note that the message of a queued job that is due is to be sent again; whether it is."""
        resends = job.resends + 1
        return await self._sweep(job, Move.RESEND, self._wait(resends), {"resends": str(resends)}, None, due_by)

    @asks_redis
    async def send(self, job: Job) -> None:
        """Send the job's message to its queue once more; the first one came with the record."""
        await self._together(["LPUSH", job.queue, message_of(job).decode()])

    def _wait(self, resends: int) -> float:
        """Seconds from the last of so many more messages to the time at which it may be lost too."""
        return self._resend * min(2.0 ** min(resends, MOST_RESEND_FACTOR), MOST_RESEND_FACTOR)

    @asks_redis
    async def rescue(self, job: Job) -> bool:
        """A job that waits for another one's end waits on, or, where that will not come, is done by itself: then it is
        due at once, to be sent; or another one that waited for the same.
        """
        assert job.follows is not None
        return bool(await cast(Any, self._rescue(keys_of(hold_of(job)), [job.id, job.follows, self._resend])))

    @asks_redis
    async def give_back(self, job: Job, loss: Loss | str) -> bool:
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

    @asks_redis
    async def reject(self, job: Job, error: JobError) -> bool:
        """A queued job that is due is given up, because no worker knows what it wants."""
        fields = failure_fields(job, error, self._ttl)
        return await self._sweep(job, Move.REJECT, settle_seconds(self._ttl), fields, error.model_dump())

    @asks_redis
    async def fail(self, job: Job, error: JobError) -> bool:
        """A running job whose attempt is over is given up."""
        return await self._sweep(
            job, Move.FAIL, settle_seconds(self._ttl), failure_fields(job, error, self._ttl), error.model_dump()
        )

    @asks_redis
    async def settle(self, job: Job) -> bool:
        """An ended job that is due needs its uploads no more; it is due again when it expires."""
        return bool(await self._move(*self._settling(job)))

    @asks_redis
    async def settle_all(self, jobs: Sequence[Job]) -> list[Job]:
        """Those of the ended jobs that have settled now, in one round trip.

        Whatever was in the way of another is found out, and told, where that one is settled by itself.
        """
        async with self._redis.pipeline(transaction=False) as pipe:
            for job in jobs:
                keys, args = self._settling(job)
                pipe.evalsha(self._move.sha, len(keys), *keys, *args)
            answers = await pipe.execute(raise_on_error=False)
        return [job for job, answer in zip(jobs, answers, strict=True) if answer == 1]

    def _settling(self, job: Job) -> tuple[list[str], list[str | bytes | float]]:
        left = max(0.0, (job.expires_at - now()).total_seconds()) if job.expires_at is not None else self._ttl
        return move_args(hold_of(job), Move.SETTLE, left, {"settled": "1"}, None, due_by="now", only_from=job.status)

    @asks_redis
    async def expire(self, job: Job) -> None:
        """Stop looking at an ended job; its bare record stays a while, to answer «gone» rather than «unknown».

        And for as long as somebody may be told of it.
        """
        kept = max(TOMBSTONE_FACTOR * self._ttl, LIFE_SECONDS if job.callback else 0)
        await self._together(
            ["ZREM", DUE, job.id],
            ["ZREM", jobs_key(job.owner), job.id],
            ["DEL", events_key(job.id)],
            ["EXPIRE", job_key(job.id), int(kept) + 1],
        )

    async def _sweep(
        self,
        job: Job,
        move: Move,
        due_in: float,
        fields: Fields,
        event: Mapping[str, Any] | None,
        due_by: float | Literal["now"] = "now",
        only_from: str | None = None,
    ) -> bool:
        # What was renewed or swept since it was read is left alone.
        args = move_args(hold_of(job), move, due_in, fields, event, due_by=due_by, only_from=only_from)
        return bool(await self._move(*args))
