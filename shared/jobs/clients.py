"""Job records as the gateway's clients need them: accepted, read, cancelled; and what waits and works."""

import asyncio
from typing import Any, NamedTuple, cast

from redis.asyncio import Redis

from shared.contract.errors import Refused, Unavailable, UnreadableRecord
from shared.jobs.codec import decode, dump_attempts, encode
from shared.jobs.keys import DUE, WORKERS, events_key, job_key, jobs_key, queued_key, withdrawn_key
from shared.jobs.listing import place_in_list
from shared.jobs.model import Job, JobStatus, Move
from shared.jobs.moves import CREATE, MOVE, WITHDRAW, end_fields, hold_of, keys_of, move_args, settle_seconds
from shared.jobs.routing import QUEUES
from shared.runtime.connections import time_of
from shared.runtime.redis_errors import asks_redis, redis_errors

WORKER_SILENT_SECONDS = 15
# A client waits meanwhile, and has waited for the creation already.
WITHDRAW_SECONDS = 1.0
# A creation that is on its way for longer than this will not come.
NOTE_SECONDS = 3600


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
        self._create, self._withdraw, self._move = (redis.register_script(text) for text in (CREATE, WITHDRAW, MOVE))

    @asks_redis
    async def create(self, job: Job) -> str:
        """Store a new job, to be looked at again if nobody claims it; the id of its first event.

        Raises Refused if it is certainly not there. After Unavailable it may be there: see `withdraw`.
        """
        pairs = [part for pair in encode(job).items() for part in pair]
        event = await self._create(self._keys(job), [job.id, self._resend, place_in_list(job), *pairs])
        if event is None:
            raise Refused("The job was withdrawn before it was stored.")
        return cast(bytes, event).decode()

    async def withdraw(self, job: Job) -> bool:
        """See to it that a job whose creation went wrong is not there, nor comes to be: whether that is certain now.

        If it is not, the job may be there, and then runs: what it needs must stay.
        """
        try:
            async with asyncio.timeout(WITHDRAW_SECONDS):
                with redis_errors():
                    await self._withdraw(self._keys(job), [job.id, NOTE_SECONDS])
        except (TimeoutError, Unavailable, UnreadableRecord):
            return False
        return True

    def _keys(self, job: Job) -> list[str]:
        return [*keys_of(hold_of(job)), withdrawn_key(job.id), jobs_key()]

    @asks_redis
    async def get(self, job_id: str) -> Job | None:
        return decode(await cast(Any, self._redis.hgetall(job_key(job_id))))

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
    async def forget(self, job_id: str) -> None:
        """Remove every trace of a job."""
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.delete(job_key(job_id), events_key(job_id))
            pipe.zrem(DUE, job_id)
            pipe.zrem(jobs_key(), job_id)
            for queue in QUEUES:
                pipe.zrem(queued_key(queue), job_id)
            await pipe.execute()

    @asks_redis
    async def queued(self) -> int:
        """How many jobs wait for a worker, in all queues."""
        async with self._redis.pipeline(transaction=False) as pipe:
            for queue in QUEUES:
                pipe.zcard(queued_key(queue))
            return sum(await pipe.execute())

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
