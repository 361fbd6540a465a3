"""Job records and events in Redis. The record is the truth; a queue message is only a hint to look at it.

    huemill:job:{id}          hash: `record` (what never changes, JSON) and the fields that moves change
    huemill:job:{id}:events   stream: what the job said, for those who wait and listen
    huemill:due               sorted set: job id -> when the sweep must look at it next (Redis' clock):
                              queued: its message may be lost; running: its lease ends; ended: it expires
    huemill:workers           sorted set: worker -> when it was last heard

Every change of a job is one `move.lua`: compare the status and the claim, then set fields, event and due time, or
nothing. So a stale worker, a repeated message and two sweeps at once are harmless.
"""

import math
import time
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from importlib.resources import files
from typing import Any, NamedTuple, cast

import orjson
from redis import Redis
from redis.asyncio import Redis as AsyncRedis
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import ExponentialBackoff, NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.retry import Retry

from shared.jobs import ENDED, TRANSITIONS, Job, JobError, Move, Progress, now
from shared.settings import Settings

DUE = "huemill:due"
WORKERS = "huemill:workers"
WORKER_SILENT_SECONDS = 15
EVENTS_KEPT = 1000
TOMBSTONE_FACTOR = 7
BLOCK_MS = 2000
# Longer than BLOCK_MS, shorter than the 5 s within which a gateway must say that Redis is gone.
SOCKET_SECONDS = 3.5
# Everyone who waits or listens holds one; redis-py would refuse the hundred-and-first, Redis itself the 10,000th.
MAX_CONNECTIONS = 4000
_MOVE = files("shared").joinpath("move.lua").read_text()
_JSON_FIELDS = ("progress", "error")


class Event(NamedTuple):
    """One entry of a job's stream."""

    id: str
    name: str
    data: dict[str, Any]


def job_key(job_id: str) -> str:
    return f"huemill:job:{job_id}"


def events_key(job_id: str) -> str:
    return f"huemill:job:{job_id}:events"


def encode(job: Job) -> dict[str, str | bytes]:
    """A new job as the fields of its hash."""
    fixed = job.model_dump(mode="json", include={"id", "params", "upload", "mask", "created_at"})
    return {
        "record": orjson.dumps(fixed),
        "status": job.status,
        "attempt": str(job.attempt),
        "claim": str(job.claim),
    }


def decode(fields: Mapping[bytes, bytes]) -> Job | None:
    """The job of a hash's fields; None where there is no such hash."""
    if not fields:
        return None
    changing = {name.decode(): value.decode() for name, value in fields.items() if name != b"record"}
    for name in _JSON_FIELDS:
        if name in changing:
            changing[name] = orjson.loads(changing[name])
    return Job.model_validate({**orjson.loads(fields[b"record"]), **changing})


def _move_args(
    job: Job,
    move: Move,
    due_in: float,
    fields: Mapping[str, str | bytes],
    event: Mapping[str, Any] | None,
    *,
    when_due: bool,
) -> tuple[list[str], list[str | bytes | float]]:
    """Keys and arguments of move.lua for a move of `job`, which is fenced by the job's claim.

    `when_due`: only if the job is due now, as it was when the sweep read it.
    """
    sources, target = TRANSITIONS[move]
    name = "progress" if move is Move.REPORT else str(target)
    payload = orjson.dumps(event) if event is not None else b""
    pairs = [part for pair in {"status": str(target), **fields}.items() for part in pair]
    keys = [job_key(job.id), events_key(job.id), DUE]
    fence: list[str | bytes | float] = [",".join(sources), job.claim, job.id, int(when_due)]
    return keys, [*fence, due_in, EVENTS_KEPT, name, payload, *pairs]


def _redis_options() -> dict[str, Any]:
    return {
        "socket_timeout": SOCKET_SECONDS,
        "socket_connect_timeout": 1.5,
        "socket_keepalive": True,
        "health_check_interval": 10,
        "retry_on_error": [RedisConnectionError],
    }


class GatewayStore:
    """The gateway's side, asynchronous: accept, read, follow, sweep."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        url = settings.redis_url.get_secret_value()
        # One more try after a broken connection, none after a silence: that would take longer than a client waits.
        retry = AsyncRetry(ExponentialBackoff(0.5, 0.05), 1, supported_errors=(RedisConnectionError,))
        self._redis = AsyncRedis.from_url(url, retry=retry, max_connections=MAX_CONNECTIONS, **_redis_options())
        self._move_script = self._redis.register_script(_MOVE)

    async def close(self) -> None:
        await self._redis.aclose()

    async def create(self, job: Job) -> None:
        """Store a new job, to be looked at again if nobody claims it."""
        due = await self._clock() + self._settings.resend_seconds
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.hset(job_key(job.id), mapping=cast(dict[Any, Any], encode(job)))
            pipe.xadd(events_key(job.id), {"name": "queued", "data": b"{}"})
            pipe.zadd(DUE, {job.id: due})
            await pipe.execute()

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
            entries = _entries(await self._redis.xread({key: after}, count=100, block=block))
            if not entries:
                job = await self.get(job_id)
                if job is None:
                    return
                # The job may have ended since the read: its last event is then there to be read at once.
                if job.ended:
                    entries = _entries(await self._redis.xread({key: after}))
                    ended = True
                else:
                    yield None
            for entry_id, fields in entries:
                after = entry_id.decode()
                event = Event(after, fields[b"name"].decode(), orjson.loads(fields[b"data"]))
                yield event
                ended = ended or event.name in ENDED

    async def due(self, limit: int = 100) -> list[str]:
        """The ids of the jobs that the sweep must look at now."""
        ids = cast(
            list[bytes],
            await self._redis.zrange(DUE, "-inf", str(await self._clock()), byscore=True, offset=0, num=limit),
        )
        return [raw.decode() for raw in ids]

    async def resend(self, job: Job) -> bool:
        """Note that a queued job's message is sent again."""
        return await self._move(job, Move.RESEND, self._settings.resend_seconds, {}, None)

    async def give_back(self, job: Job) -> bool:
        """A running job whose lease ended goes back to the queue."""
        progress = orjson.dumps({"stage": "queued", "fraction": 0.0})
        event = {"attempt": job.attempt}
        return await self._move(job, Move.RETURN, self._settings.resend_seconds, {"progress": progress}, event)

    async def fail(self, job: Job, error: JobError) -> bool:
        """A running job whose lease ended is given up."""
        return await self._move(job, Move.FAIL, self._settings.result_ttl_seconds, *_failure(error, self._settings))

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
            await pipe.execute()

    async def workers(self) -> list[str]:
        """The workers heard within the last 15 seconds."""
        since = await self._clock() - WORKER_SILENT_SECONDS
        names = cast(list[bytes], await self._redis.zrange(WORKERS, str(since), "inf", byscore=True))
        return [name.decode() for name in names]

    async def _clock(self) -> float:
        seconds, microseconds = await cast(Any, self._redis.time())
        return float(seconds) + float(microseconds) / 1e6

    async def _move(
        self,
        job: Job,
        move: Move,
        due_in: float,
        fields: Mapping[str, str | bytes],
        event: Mapping[str, Any] | None,
    ) -> bool:
        # The gateway moves jobs in its sweeps only: what was renewed or swept since it was read is left alone.
        keys, args = _move_args(job, move, due_in, fields, event, when_due=True)
        return bool(await self._move_script(keys=keys, args=args))


class WorkerStore:
    """The worker's side, synchronous: claim, report, end."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        url = settings.redis_url.get_secret_value()
        # A worker waits out a short absence of Redis rather than throw away what it has computed.
        self._redis = Redis.from_url(url, retry=Retry(ExponentialBackoff(2, 0.1), 8), **_redis_options())
        # For what is said again soon, or not at all.
        self._hasty = Redis.from_url(url, retry=Retry(NoBackoff(), 0), **_redis_options())
        self._move_script = self._redis.register_script(_MOVE)

    def claim(self, job_id: str) -> Job | None:
        """The job, now this caller's to run; None if it is gone, ended or taken."""
        job = decode(cast(Any, self._redis.hgetall(job_key(job_id))))
        if job is None:
            return None
        fields = {
            "attempt": str(job.attempt + 1),
            "claim": str(job.claim + 1),
            "started_at": now().isoformat(),
        }
        if not self._move(job, Move.CLAIM, self._settings.lease_seconds, fields, {"attempt": job.attempt + 1}):
            return None
        return job.model_copy(update={"attempt": job.attempt + 1, "claim": job.claim + 1})

    def renew(self, job: Job) -> bool:
        """Keep the lease; False when the claim is no longer valid."""
        return self._move(job, Move.REPORT, self._settings.lease_seconds, {}, None)

    def report(self, job: Job, progress: Progress) -> bool:
        """Tell how far the job is, and keep the lease; False when the claim is no longer valid."""
        data = progress.model_dump()
        return self._move(job, Move.REPORT, self._settings.lease_seconds, {"progress": orjson.dumps(data)}, data)

    def succeed(self, job: Job, result_key: str) -> bool:
        progress = orjson.dumps({"stage": "done", "fraction": 1.0})
        fields: dict[str, str | bytes] = {"result_key": result_key, "progress": progress, **_end(self._settings)}
        return self._move(job, Move.SUCCEED, self._settings.result_ttl_seconds, fields, {})

    def fail(self, job: Job, error: JobError) -> bool:
        return self._move(job, Move.FAIL, self._settings.result_ttl_seconds, *_failure(error, self._settings))

    def heard(self, worker: str) -> None:
        """Note that a worker lives."""
        seconds, _ = cast(Any, self._hasty.time())
        self._hasty.zadd(WORKERS, {worker: seconds})
        self._hasty.zremrangebyscore(WORKERS, "-inf", seconds - 100 * WORKER_SILENT_SECONDS)

    def gone(self, worker: str) -> None:
        """Note that a worker stopped."""
        self._hasty.zrem(WORKERS, worker)

    def _move(
        self,
        job: Job,
        move: Move,
        due_in: float,
        fields: Mapping[str, str | bytes],
        event: Mapping[str, Any] | None,
    ) -> bool:
        keys, args = _move_args(job, move, due_in, fields, event, when_due=False)
        return bool(self._move_script(keys=keys, args=args))


def _entries(answer: Any) -> list[tuple[bytes, dict[bytes, bytes]]]:
    """The entries of XREAD's answer for one stream: RESP2 answers with a list, RESP3 with a map of lists."""
    if not answer:
        return []
    return next(iter(answer.values()))[0] if isinstance(answer, dict) else answer[0][1]  # type: ignore[no-any-return]


def _end(settings: Settings) -> dict[str, str]:
    end = now()
    expiry = end + timedelta(seconds=settings.result_ttl_seconds)
    return {"finished_at": end.isoformat(), "expires_at": expiry.isoformat()}


def _failure(error: JobError, settings: Settings) -> tuple[dict[str, str | bytes], dict[str, Any]]:
    data = error.model_dump()
    return {"error": orjson.dumps(data), **_end(settings)}, data
