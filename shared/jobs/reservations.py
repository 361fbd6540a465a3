"""Keys that requests under way have: nobody else's request of the same key is taken in meanwhile.

Which request becomes a job is decided when the job is created (`create.lua`), whatever stands here: a reservation
spares a second upload, and tells who sends it that the first one is on its way.
"""

from enum import StrEnum
from typing import Any, cast

from redis.asyncio import Redis

from shared.contract.errors import IdempotencyConflict
from shared.jobs.keys import RequestKey, idempotency_key
from shared.jobs.moves import RESERVE
from shared.runtime.redis_errors import asks_redis

# Of a gateway that was killed a reservation lasts for so long. Who lives renews it.
LEASE_SECONDS = 10.0


class Standing(StrEnum):
    """Whose a request's key is."""

    OURS = "ours"
    TAKEN = "taken"
    USED = "used"


def under_way() -> IdempotencyConflict:
    return IdempotencyConflict(
        "A request with the same Idempotency-Key is still being received. Send this one again in a second."
    )


class Reservations:
    """The reserved keys, asynchronous."""

    def __init__(self, redis: Redis) -> None:
        self._reserve = redis.register_script(RESERVE)

    @asks_redis
    async def reserve(self, key: RequestKey, job_id: str) -> Standing:
        """Reserve the key for the request that is to become this job, or renew that."""
        return await self._set(key, job_id, LEASE_SECONDS)

    @asks_redis
    async def release(self, key: RequestKey, job_id: str) -> None:
        """The request has become nothing: the next one of the same key is as if it had never been."""
        await self._set(key, job_id, 0)

    async def _set(self, key: RequestKey, job_id: str, seconds: float) -> Standing:
        answer = await cast(Any, self._reserve([idempotency_key(key)], [job_id, int(1000 * seconds)]))
        return Standing(answer.decode())
