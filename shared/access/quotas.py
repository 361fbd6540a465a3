"""What keys have used of their quotas, by Redis' clock and for all gateways together. Asynchronous.

Requests and pixels are buckets that flow full again evenly (GCRA, ITU-T I.371: what is kept is one time for each). Jobs
that wait are a set, which a job leaves when it is seen not to wait any more.
"""

from importlib.resources import files
from typing import Any, NamedTuple, cast

from redis.asyncio import Redis

from shared.access.limits import KeyLimits, Rate
from shared.jobs.keys import job_key, used_key
from shared.runtime.redis_errors import asks_redis

HOUR = 3600
# From a job's place among those that wait to its record, which are milliseconds apart.
WITHOUT_RECORD_SECONDS = 30
_LIMITS, _GIVE_BACK = (files("shared.access").joinpath(f"{name}.lua").read_text() for name in ("limits", "give_back"))


class Standing(NamedTuple):
    """How much of a quota is left."""

    policy: str
    """`requests`, `pixels` or `queued`."""
    left: int
    seconds: float | None
    """Until there is more; where there was too little, until there is enough. None: nobody knows."""


class Answer(NamedTuple):
    """What became of a wish."""

    violated: str | None
    """The policy that has no room for it; None where it was taken."""
    standings: list[Standing]
    """Of those that were asked."""


class QuotaStore:
    """Takes from quotas, and gives back."""

    def __init__(self, redis: Redis) -> None:
        self._limits, self._give_back = redis.register_script(_LIMITS), redis.register_script(_GIVE_BACK)

    async def take_request(self, owner: str, limits: KeyLimits) -> Answer:
        """One request."""
        return await self._take(owner, KeyLimits(requests=limits.requests), requests=1)

    async def look(self, owner: str, limits: KeyLimits) -> Answer:
        """Whether there is room for one more job, of one pixel at least; nothing is taken."""
        return await self._take(owner, limits.model_copy(update={"requests": None}))

    async def take_job(self, owner: str, limits: KeyLimits, job_id: str, pixels: int) -> Answer:
        """A place for a job that is about to be made, and its pixels."""
        return await self._take(owner, limits.model_copy(update={"requests": None}), pixels=pixels, job_id=job_id)

    @asks_redis
    async def give_back(self, owner: str, limits: KeyLimits, job_id: str, pixels: int, *, waits: bool) -> None:
        """The pixels of a job for which nothing is computed; and its place, unless it `waits`."""
        args: list[Any] = [pixels, limits.pixels_per_hour or 0, HOUR, "" if waits else job_id]
        await cast(Any, self._give_back([used_key(owner, "pixels"), used_key(owner, "queued")], args))

    @asks_redis
    async def _take(
        self, owner: str, limits: KeyLimits, *, requests: int = 0, pixels: int = 0, job_id: str = ""
    ) -> Answer:
        rate = limits.requests or Rate.model_construct(count=0, seconds=1)
        args: list[Any] = [requests, rate.count, rate.seconds, pixels, limits.pixels_per_hour or 0, HOUR]
        args += [limits.max_queued or 0, job_id, WITHOUT_RECORD_SECONDS, job_key("")]
        keys = [used_key(owner, what) for what in ("requests", "pixels", "queued", "owed")]
        word, left, more, pixels_left, pixels_more, places = await cast(Any, self._limits(keys, args))
        standings = [
            (limits.requests, Standing("requests", left, float(more))),
            (limits.pixels_per_hour, Standing("pixels", pixels_left, float(pixels_more))),
            (limits.max_queued, Standing("queued", places, None)),
        ]
        return Answer(word.decode() or None, [standing for limit, standing in standings if limit is not None])
