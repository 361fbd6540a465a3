"""An owner's jobs as a list: the newest first, page by page, by status and words. Asynchronous.

The list is a sorted set that creation, deletion and expiry keep right, in one move each. What it is asked for stands in
the jobs' own hashes; a script looks there, at a thousand jobs in a millisecond or two, and then lets others go first.
"""

import base64
import re
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any, NamedTuple, cast

from redis.asyncio import Redis

from shared.contract.errors import FieldError, InvalidParams, UnreadableRecord
from shared.jobs.codec import decode
from shared.jobs.keys import job_key, jobs_key
from shared.jobs.model import Job, JobStatus
from shared.jobs.moves import POSITIONS, hold_of, keys_of
from shared.runtime.redis_errors import asks_redis

LIST = files("shared.jobs").joinpath("list.lua").read_text()
# In one move, and for one page: whatever is asked for rarely ends with an empty page and the place to go on from.
LOOKED_AT = 1000
MOST_MOVES = 10
_CURSOR = re.compile(r"([0-9]{1,16})-([0-9a-f]{32})", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Cursor(NamedTuple):
    """The last job of a page: the next page begins after it, whatever came and went meanwhile."""

    place: str
    job_id: str

    def __str__(self) -> str:
        return base64.urlsafe_b64encode(f"{self.place}-{self.job_id}".encode()).decode().rstrip("=")


def read_cursor(text: str) -> Cursor:
    """The cursor of its text. Raises InvalidParams for one that is none of ours."""
    raw = b""
    with suppress(ValueError):
        raw = base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True)
    match = _CURSOR.fullmatch(raw.decode(errors="replace"))
    if match is None or str(Cursor(*match.groups())) != text:
        message = "is none that was given here: take the address in `next` of the page before, as it stands"
        raise InvalidParams([FieldError(field="cursor", value=text, message=message)])
    return Cursor(*match.groups())


class Wanted(NamedTuple):
    """Which jobs of a list."""

    status: str | None = None
    algorithm: str | None = None
    tags: Sequence[str] = ()
    """All of them."""
    created_after: datetime | None = None
    priority: str | None = None
    reference: str | None = None
    """The client's own, whole."""

    @property
    def words(self) -> str:
        """As a job's `listed` has them."""
        one_each = (("algorithm", self.algorithm), ("priority", self.priority), ("reference", self.reference))
        named = [f"{name} {value}" for name, value in one_each if value]
        return "\n".join([*named, *(f"tag {tag}" for tag in self.tags)])


class Page(NamedTuple):
    """A part of a list."""

    jobs: list[Job]
    next: Cursor | None
    """None where nothing is left."""
    places: list[int | None]
    """Each job's in its queue; None where it is not queued."""


def place_in_list(job: Job) -> int:
    """Where a job stands: when it was created, in microseconds since 1970."""
    return _microseconds(job.created_at)


def _microseconds(time: datetime) -> int:
    since = time - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


class JobList:
    """The jobs of an owner."""

    def __init__(self, redis: Redis) -> None:
        self._redis, self._list, self._positions = redis, redis.register_script(LIST), redis.register_script(POSITIONS)

    @asks_redis
    async def page(self, wanted: Wanted, limit: int, after: Cursor | None = None, owner: str = "") -> Page:
        """At most `limit` jobs, after those of the page before. Expired jobs are left out."""
        jobs: list[Job] = []
        for _ in range(MOST_MOVES):
            # One more than is wanted tells whether there are more.
            ids, gone, place, last = await self._look(wanted, limit + 1 - len(jobs), after, owner)
            if gone:
                await self._redis.zrem(jobs_key(owner), *gone)
            jobs += await self._read(ids)
            after = Cursor(place.decode(), last.decode()) if last else None
            if after is None or len(jobs) > limit:
                break
        if len(jobs) > limit:
            after = Cursor(str(place_in_list(jobs[limit - 1])), jobs[limit - 1].id)
        return Page(jobs[:limit], after, await self._places(jobs[:limit]))

    async def _places(self, jobs: Sequence[Job]) -> list[int | None]:
        """As `JobStore.outlook` has them; None for a job that is not queued."""
        queued: dict[str, list[Job]] = {}
        for job in jobs:
            if job.status is JobStatus.QUEUED:
                queued.setdefault(job.queue, []).append(job)
        places: dict[str, int] = {}
        for same in queued.values():
            ids = [job.follows or job.id for job in same]
            answer = await cast(Any, self._positions(keys_of(hold_of(same[0])), ids))
            places |= zip((job.id for job in same), answer[-len(ids) :], strict=True)
        return [places.get(job.id) for job in jobs]

    async def _look(self, wanted: Wanted, limit: int, after: Cursor | None, owner: str) -> Any:
        lowest = "-inf" if wanted.created_after is None else f"({_microseconds(wanted.created_after)}"
        begin = after or Cursor("+inf", "")
        args: list[str | int] = [job_key(""), *begin, lowest, wanted.status or "", wanted.words, limit, LOOKED_AT]
        return await cast(Any, self._list([jobs_key(owner)], args))

    async def _read(self, ids: Sequence[bytes]) -> list[Job]:
        """Those of the jobs that are there, have not expired and can be read."""
        async with self._redis.pipeline(transaction=False) as pipe:
            for job_id in ids:
                pipe.hgetall(job_key(job_id.decode(errors="replace")))
            answers = await pipe.execute()
        found = []
        for fields in answers:
            with suppress(UnreadableRecord):
                job = decode(fields)
                if job is not None and not job.expired:
                    found.append(job)
        return found
