"""A new job: its record is stored, and with it the message by which a worker hears of it."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import NamedTuple

from api import metrics
from api.access.caller import NOBODY, Caller
from api.access.quotas import Quotas
from api.jobs.idempotency import reserved
from api.jobs.room import Room
from shared.contract.errors import (
    IdempotencyConflict,
    IdempotencyKeyReused,
    NotFound,
    Refused,
    Unavailable,
)
from shared.jobs.clients import Created, JobStore, Way
from shared.jobs.keys import RequestKey
from shared.jobs.message import message_of
from shared.jobs.model import Job
from shared.jobs.pace import Outlook
from shared.jobs.reservations import Reservations, Standing
from shared.storage.blobs import Blobs

# Of what a creation can be answered with: nothing was stored.
_NOT_STORED = (Refused, IdempotencyKeyReused, IdempotencyConflict)


class Accepted(NamedTuple):
    """What a request has become."""

    job: Job
    outlook: Outlook | None = None
    """What the job has before it; None where it is replayed."""
    replayed: bool = False
    """Whether the same request has become this job before."""


class Acceptance:
    """Takes jobs, as long as there are not too many that wait."""

    def __init__(self, store: JobStore, reservations: Reservations, blobs: Blobs, quotas: Quotas, room: Room) -> None:
        self._store, self._reservations, self._blobs = store, reservations, blobs
        self._quotas, self._room = quotas, room

    @asynccontextmanager
    async def place(self, job_id: str, key: RequestKey | None = None, caller: Caller = NOBODY) -> AsyncIterator[Caller]:
        """While the context lasts a request of the caller may be taken in that is to become this job; from whose quotas
        it is to be taken.

        Raises QueueFull, QuotaExceeded where he may have no more, and IdempotencyConflict where another request under
        way has the same key. A request that has become a job before needs no room, and costs nobody anything.
        """
        async with AsyncExitStack() as stack:
            standing = await stack.enter_async_context(reserved(key, job_id, self._reservations)) if key else None
            if standing is Standing.USED:
                yield NOBODY
                return
            await self._room.check(caller.owner)
            await self._quotas.check_room(caller)
            yield caller

    async def accept(
        self, job: Job, key: RequestKey | None = None, *, join: bool = False, caller: Caller = NOBODY, pixels: int = 0
    ) -> Accepted:
        """Store a job whose uploads are in the blob store, and its message. Or find the one that the same request, by
        its key, has become before: then the uploads go.

        `join`: it may have the result of a job that does the same work, or has done it: then nothing is sent.
        `pixels`: of the image, taken from the caller's quota unless nothing is computed. Raises QuotaExceeded.

        Once its record is there the job is accepted: the sweep sends again what is lost. If it cannot be stored nothing
        is left of it; where nobody knows whether it was, and it cannot be withdrawn, it keeps its files: then it runs
        as if it had been accepted, or they are collected.
        """
        created = await self._created(job, key, join, caller, pixels)
        if created.way is Way.REPLAYED:
            await self._remove_uploads(job)
            return Accepted(await self._before(created.job_id), replayed=True)
        metrics.accepted.labels(job.params.algorithm).inc()
        if created.way is not Way.CREATED:
            metrics.recognised.labels(created.way).inc()
        if created.way is Way.DONE:
            with suppress(Unavailable):  # it is accepted all the same: its end is told by whoever asks later
                job = await self._store.get(job.id) or job
        return Accepted(job, created.outlook)

    async def _created(self, job: Job, key: RequestKey | None, join: bool, caller: Caller, pixels: int) -> Created:
        """Store the job, and take from the caller's quotas what it costs. What is refused costs nothing."""
        try:
            await self._quotas.take_job(caller, job.id, pixels)
        except BaseException:
            await self._remove_uploads(job)
            raise
        try:
            costs = pixels if caller.limits.pixels_per_hour is not None else 0
            created = await self._store.create(job, key, join=join, message=message_of(job), pixels=costs)
        except BaseException as error:
            if isinstance(error, _NOT_STORED) or await self._store.withdraw(job, key):
                await self._remove_uploads(job)
                await self._give_back(caller, job, pixels)
            raise
        if created.way is not Way.CREATED:
            await self._give_back(caller, job, pixels, waits=created.way is Way.JOINED)
        return created

    async def _give_back(self, caller: Caller, job: Job, pixels: int, *, waits: bool = False) -> None:
        with suppress(Unavailable):  # then he has a little less for an hour
            await self._quotas.give_back(caller, job.id, pixels, waits=waits)

    async def _before(self, job_id: str) -> Job:
        """The job that a request has become before."""
        job = await self._store.get(job_id)
        if job is None:
            raise NotFound(
                f"The job {job_id}, which this request has become before, was deleted. "
                "Give the request another Idempotency-Key to have it done again."
            )
        return job

    async def _remove_uploads(self, job: Job) -> None:
        for upload in job.uploads:
            await self._blobs.delete(upload.key)
