"""Job records as the gateway's clients need them: accepted, read, cancelled; and what waits and works."""

import asyncio
import math
from collections.abc import Sequence
from contextlib import suppress
from enum import StrEnum
from importlib.metadata import version
from typing import Any, NamedTuple, cast

import orjson
from redis.asyncio import Redis
from redis.exceptions import RedisError

from shared.contract.errors import IdempotencyKeyReused, Refused, Unavailable, UnreadableRecord
from shared.jobs.codec import decode, dump_attempts, encode
from shared.jobs.deliveries import EVENTS, delivery_id
from shared.jobs.fingerprint import fingerprint, work_of
from shared.jobs.keys import (
    DUE,
    GIVEN_UP,
    JOINED,
    WORKERS,
    RequestKey,
    delivery_key,
    events_key,
    idempotency_key,
    job_key,
    jobs_key,
    line_key,
    queued_key,
    used_key,
    users_key,
    withdrawn_key,
    work_key,
)
from shared.jobs.listing import place_in_list
from shared.jobs.model import Job, JobStatus, Move
from shared.jobs.moves import (
    CREATE,
    FIND,
    MOVE,
    POSITIONS,
    RELEASE,
    WAITING,
    WITHDRAW,
    end_fields,
    hold_of,
    keys_of,
    move_args,
    settle_seconds,
)
from shared.jobs.pace import Outlook, outlook
from shared.jobs.reservations import under_way
from shared.jobs.routing import QUEUES
from shared.runtime.connections import time_of
from shared.runtime.redis_errors import asks_redis, redis_errors, wrong_type_told
from shared.runtime.together import Together

WORKER_SILENT_SECONDS = 15
# A client waits meanwhile, and has waited for the creation already.
WITHDRAW_SECONDS = 1.0
# A creation that is on its way for longer than this will not come.
NOTE_SECONDS = 3600
# From the creation of its job on.
KEY_SECONDS = 24 * 3600
# That wait for one job's end. Its end is theirs, in the same move: that must stay short.
MOST_FOLLOWERS = 100
# It is known for so many times as long as a result is kept who does a work: it may wait before it is done.
WORK_FACTOR = 2
# A batch job lets its owner's others go first that come so much later: then it has waited long enough.
BATCH_SECONDS = 24 * 3600
VERSION = version("huemill")
DONE = orjson.dumps({"stage": "done", "fraction": 1.0})


class Way(StrEnum):
    """What has become of a request for a job."""

    CREATED = "created"
    JOINED = "joined"  # created, to wait for the end of another job that does the same work
    DONE = "done"  # created with the result of another job that has done the same work
    REPLAYED = "replayed"  # not created: the same request, by its key, has become another job before


class Created(NamedTuple):
    """The job that a request has become."""

    way: Way
    job_id: str
    outlook: Outlook | None = None
    """None where it is replayed."""


class Waiting(NamedTuple):
    """A queue's jobs, and how long the first of them has waited."""

    jobs: int
    age_seconds: float


class Overview(NamedTuple):
    """What waits and works behind the gateways."""

    queues: dict[str, Waiting]
    workers: int


class JobStore:
    """The clients' side of the job records, asynchronous."""

    def __init__(self, redis: Redis, *, resend_seconds: float, result_ttl_seconds: float) -> None:
        """`resend_seconds`: until a queued job's message may be lost; `result_ttl_seconds`: from a job's end on."""
        self._redis, self._resend, self._ttl = redis, resend_seconds, result_ttl_seconds
        self._create, self._withdraw, self._move, self._release, self._positions = (
            redis.register_script(text) for text in (CREATE, WITHDRAW, MOVE, RELEASE, POSITIONS)
        )
        self._find, self._waiting = redis.register_script(FIND), redis.register_script(WAITING)
        self._together = Together(redis)

    @asks_redis
    async def create(
        self, job: Job, key: RequestKey | None = None, *, join: bool = False, message: bytes = b"", pixels: int = 0
    ) -> Created:
        """Store a new job, to be looked at again if nobody claims it; or find the one that the same request, by its
        key, has become before. `join`: it may have the result of a job of the same owner that does the same work, or
        has done it. `message`: what its queue is sent in the same move, where a worker is to run it.
        `pixels`: what its owner owes if it waits for another one, and is computed all the same.

        Raises Refused, IdempotencyKeyReused or IdempotencyConflict if it is certainly not there. After Unavailable it
        may be there: see `withdraw`.
        """
        done = {"status": JobStatus.SUCCEEDED, "progress": DONE, **end_fields(self._ttl)}
        ended, fields = (
            [part for pair in each.items() for part in pair]
            for each in (done, {**encode(job), **({"pixels": str(pixels)} if pixels else {})})
        )
        args: list[Any] = [job.id, self._resend, fingerprint(job), KEY_SECONDS, MOST_FOLLOWERS if join else ""]
        args += [math.ceil(WORK_FACTOR * self._ttl), settle_seconds(self._ttl), place_in_list(job)]
        args += [BATCH_SECONDS if job.priority == "batch" else 0]
        args += [message, len(ended), *ended, *fields]
        word, *about = await cast(Any, self._create(self._keys(job, key), args))
        match word.decode():
            case "created" | "joined" | "done" as way:
                position, clock, first_since, *pace = about
                ahead = outlook(position, pace, float(first_since), float(clock))
                return Created(Way(way), job.id, ahead)
            case "replayed":
                return Created(Way.REPLAYED, about[0].decode())
            case "reused":
                raise IdempotencyKeyReused(
                    "This Idempotency-Key was given to a request with another image or other parameters within the "
                    "last 24 hours. Give every request a key of its own, and repeat it unchanged."
                )
            case "conflict":
                raise under_way()
        raise Refused("The job was withdrawn before it was stored.")

    async def withdraw(self, job: Job, key: RequestKey | None = None) -> bool:
        """See to it that a job whose creation went wrong is not there, nor comes to be: whether that is certain now.

        If it is not, the job may be there, and then runs: what it needs must stay. So it must where another client has
        been answered with it, who has sent the same request.
        """
        try:
            async with asyncio.timeout(WITHDRAW_SECONDS):
                with redis_errors():
                    return bool(await cast(Any, self._withdraw(self._keys(job, key), [job.id, NOTE_SECONDS])))
        except (TimeoutError, Unavailable, UnreadableRecord):
            return False

    def _keys(self, job: Job, key: RequestKey | None) -> list[str]:
        work, listed = work_key(job.owner, VERSION, work_of(job)), jobs_key(job.owner)
        keys = [*keys_of(hold_of(job)), withdrawn_key(job.id), work, listed]
        return keys if key is None else [*keys, idempotency_key(key)]

    @asks_redis
    async def release(self, job_id: str, maker_id: str) -> bool:
        """A job needs no more the files of its result, which `maker_id` has made; whether nobody else does either.

        From then on no new job gets that result by this one.
        """
        return bool(await cast(Any, self._release([job_key(job_id), users_key(maker_id)], [job_id])))

    @asks_redis
    async def is_used(self, job_id: str) -> bool:
        """Whether the job's files are the result of more than one job, of which one at least is there."""
        users = await cast(Any, self._redis.smembers(users_key(job_id)))
        return bool(users) and bool(await self._redis.exists(*(job_key(user.decode()) for user in users)))

    @asks_redis
    async def outlook(self, job: Job) -> Outlook:
        """What a queued job has before it, or the one whose end it waits for."""
        answer = await cast(Any, self._positions(keys_of(hold_of(job)), [job.follows or job.id]))
        clock, first_since, *pace, position = answer
        return outlook(position, pace, float(first_since), float(clock))

    @asks_redis
    async def get(self, job_id: str) -> Job | None:
        return decode(await cast(Any, self._redis.hgetall(job_key(job_id))))

    @asks_redis
    async def get_readable(self, job_ids: Sequence[str]) -> list[Job]:
        """Those of the jobs that are there and can be read, in one round trip."""
        async with self._redis.pipeline(transaction=False) as pipe:
            for job_id in job_ids:
                pipe.hgetall(job_key(job_id))
            answers = await pipe.execute(raise_on_error=False)
        jobs = []
        for answer in answers:
            with suppress(UnreadableRecord), wrong_type_told():
                if isinstance(answer, RedisError):
                    raise answer
                jobs.append(decode(answer))
        return [job for job in jobs if job is not None]

    @asks_redis
    async def get_of(self, owner: str, job_id: str) -> Job | None:
        """The job, if it is this owner's; somebody else's takes no step, and no longer, than one that there is not."""
        pairs = cast(list[bytes], await cast(Any, self._find([job_key(job_id)], [owner])))
        return decode(dict(zip(pairs[::2], pairs[1::2], strict=True)))

    @asks_redis
    async def cancel(self, job: Job) -> Job | None:
        """The job as it is afterwards: cancelled, unless it had ended before; None if it is gone.

        Its worker's next word is refused, and it stops.
        """
        found: Job | None = job
        while found is not None and not found.ended:
            fields = end_fields(self._ttl)
            if any(attempt.ended_at is None for attempt in found.attempts):
                fields["attempts"] = dump_attempts(found.attempts_ended(str(JobStatus.CANCELLED)))
            due_in, hold = settle_seconds(self._ttl), hold_of(found)
            await self._move(*move_args(hold, Move.CANCEL, due_in, fields, {}, only_from=found.status))
            # Refused when it was claimed or given back meanwhile: then it is tried again as it is by then.
            found = await self.get(job.id)
        return found

    @asks_redis
    async def forget(self, job_id: str, owner: str = "") -> None:
        """Remove every trace of a job; of one whose owner is not known, its list forgets it when it is next read.

        What was not told of it yet is not told any more.
        """
        told = [delivery_id(job_id, event) for event in EVENTS]
        listed = [DUE, jobs_key(owner), *map(queued_key, QUEUES), *(line_key(queue, owner) for queue in QUEUES)]
        listed.append(used_key(owner, "queued"))  # without a record it would count for a while
        await self._together(
            ["DEL", job_key(job_id), events_key(job_id), *map(delivery_key, told)],
            ["ZREM", GIVEN_UP, *told],
            ["SREM", JOINED, job_id],
            *(["ZREM", key, job_id] for key in listed),
        )

    @asks_redis
    async def queued(self) -> int:
        """How many jobs wait, for a worker in all queues, or for another job's end."""
        async with self._redis.pipeline(transaction=False) as pipe:
            pipe.scard(JOINED)
            for queue in QUEUES:
                pipe.zcard(queued_key(queue))
            return sum(await pipe.execute())

    @asks_redis
    async def waiting_of(self, owner: str) -> int:
        """How many of the owner's jobs wait for a worker, in all queues, or for the end of one that does."""
        return int(await cast(Any, self._waiting([line_key(queue, owner) for queue in QUEUES], [job_key("")])))

    @asks_redis
    async def overview(self) -> Overview:
        """Queues and workers as they are now."""
        now = await time_of(self._redis)
        async with self._redis.pipeline(transaction=False) as pipe:
            for queue in QUEUES:
                pipe.zcard(queued_key(queue))
                pipe.zrange(queued_key(queue), 0, 0, withscores=True)
            answers = await pipe.execute()
        queues = {}
        for queue, jobs, first in zip(QUEUES, answers[::2], answers[1::2], strict=True):
            queues[queue] = Waiting(jobs, max(0.0, now - first[0][1]) if first else 0.0)
        return Overview(queues, len(await self.workers()))

    @asks_redis
    async def workers(self) -> list[str]:
        return await heard_workers(self._redis)


async def heard_workers(redis: Redis) -> list[str]:
    """The workers heard within the last 15 seconds."""
    since = await time_of(redis) - WORKER_SILENT_SECONDS
    names = cast(list[bytes], await redis.zrange(WORKERS, str(since), "inf", byscore=True))
    return [name.decode(errors="replace") for name in names]
