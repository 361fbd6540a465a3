"""The sweep: finds jobs that were lost on the way or have expired, and sees to them.

It runs in every gateway, because the gateway gave the promise. Each step is one atomic move of the store, so several
sweeps at once, or one that is killed half-way, do no harm.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Literal

from api import metrics
from api.upkeep.troubles import Troubles
from shared.contract.errors import HuemillError
from shared.contract.params import AnyParams
from shared.jobs.clients import JobStore
from shared.jobs.model import Job, JobStatus, Loss, given_up
from shared.jobs.queue import Queue
from shared.jobs.sweep import BATCH, SweepStore
from shared.runtime.logs import bound
from shared.storage.blobs import Blobs
from shared.storage.images import ImageStore
from shared.storage.keys import attempt_prefix, result_prefix

# Of due jobs, until a sweep goes on to the rest. After a gateway was away they can be many.
MOST_BATCHES = 50

log = logging.getLogger("huemill.sweeper")


class SweepIncomplete(HuemillError):
    """Something could not even be looked for; why, the log has told."""


class Sweeper:
    """Sees to jobs and stored images whose time has come."""

    NAME = "sweep"

    def __init__(
        self,
        jobs: JobStore,
        due: SweepStore,
        blobs: Blobs,
        queue: Queue,
        images: ImageStore,
        troubles: Troubles,
        *,
        max_attempts: int,
        timeout_of: Callable[[AnyParams], float],
    ) -> None:
        """`timeout_of`: the seconds that a job of these parameters may run."""
        self._jobs, self._due, self._blobs, self._queue, self._images = jobs, due, blobs, queue, images
        self._troubles, self._max_attempts, self._timeout_of = troubles, max_attempts, timeout_of

    async def sweep(self) -> None:
        """See to every job and stored image whose time has come.

        One that makes trouble does not stand in the way of the others, nor one kind of them in that of the next.
        Raises Unavailable where Redis is away, and SweepIncomplete where a whole kind could not be seen to.
        """
        failures = 0
        with metrics.sweep_seconds.time():
            for see_to_kind in (self._due_jobs, self._stranded_jobs, self._due_images):
                with self._troubles.survived(self.NAME, see_to_kind.__name__) as raised:
                    await see_to_kind()
                failures += len(raised)
        if failures:
            raise SweepIncomplete(f"{failures} kinds of things could not be looked for.")

    async def _due_jobs(self) -> None:
        for _ in range(MOST_BATCHES):
            due = await self._due.due()
            for job_id in due:
                with bound(job_id=job_id):
                    await self._apart(f"job {job_id}", self.see_to(job_id), partial(self._due.put_off, job_id))
            if len(due) < BATCH:
                return

    async def _stranded_jobs(self) -> None:
        for job, when in await self._due.stranded():
            with bound(job_id=job.id):
                await self._apart(f"job {job.id}", self._send_again(job, when), partial(self._due.put_off, job.id))

    async def _due_images(self) -> None:
        for sha256 in await self._images.due():
            await self._apart(f"image {sha256}", self._drop(sha256), partial(self._images.put_off, sha256))

    async def _apart(self, entry: str, work: Awaitable[None], put_off: Callable[[], Awaitable[None]]) -> None:
        """Let `work` be done; an entry that makes trouble is put off, and the others get their turn."""
        with self._troubles.survived(self.NAME, entry) as raised:
            await work
        if raised:
            await put_off()

    async def see_to(self, job_id: str) -> None:
        """Do for one job what its time has come for."""
        job = await self._jobs.get(job_id)
        if job is None:
            await self._jobs.forget(job_id)
        elif job.status is JobStatus.QUEUED:
            await self._send_again(job)
        elif job.status is JobStatus.RUNNING:
            await self._rescue(job)
        elif not job.settled:
            await self._settle(job)
        elif await self._due.is_due(job.id):
            await self._expire(job)

    async def _send_again(self, job: Job, due_by: float | Literal["now"] = "now") -> None:
        """Nobody claimed it for long: the message may be lost, or the queue is long. A second one does no harm."""
        if await self._due.resend(job, due_by):
            metrics.resent.inc()
            await asyncio.to_thread(self._queue.send, job)

    async def _rescue(self, job: Job) -> None:
        """Its attempt is over, as its worker says or as its lease does: try it again, or give it up."""
        loss = job.loss or Loss.WORKER_LOST
        again = loss is Loss.WORKER_STOPPED or job.attempt < self._max_attempts
        if again and loss is not Loss.TIMEOUT:
            if await self._due.give_back(job, loss):
                metrics.lost.labels(loss).inc()
                log.warning("attempt %d: %s; back to the queue", job.attempt, loss)
                returned = await self._jobs.get(job.id)
                if returned is not None and returned.status is JobStatus.QUEUED:
                    await self._send_again(returned)
                await self._remove_begun(job)
            return
        error = given_up(loss, job.attempt, self._timeout_of(job.params))
        if await self._due.fail(job, error):
            metrics.lost.labels(loss).inc()
            metrics.ended.labels(JobStatus.FAILED, error.code).inc()
            log.error("attempt %d: %s; given up", job.attempt, loss)
            await self._remove_begun(job)

    async def _remove_begun(self, job: Job) -> None:
        """Take away what its last attempt has written of a result."""
        await self._blobs.delete_all(attempt_prefix(job.id, job.claim))

    async def _settle(self, job: Job) -> None:
        """It ended some seconds ago, and no store forgets that any more: it will not run again.

        What a storage that is in trouble keeps of it is left for the collector.
        """
        if not await self._due.settle(job):
            return  # it has ended since it was listed, and its time is yet to come
        try:
            for upload in job.uploads:
                await self._blobs.delete(upload.key)
            if job.status is not JobStatus.SUCCEEDED:
                # It was full, or somebody was killed, in mid-write.
                await self._blobs.delete_all(result_prefix(job.id))
        except HuemillError as error:
            log.warning("its files: %s", error)

    async def _expire(self, job: Job) -> None:
        """Its result is not kept any longer."""
        await self._blobs.delete_all(result_prefix(job.id))
        await self._due.expire(job)

    async def _drop(self, sha256: str) -> None:
        """A stored image that nobody used for long goes, record first: nobody finds a record without its bytes."""
        image = await self._images.take_if_due(sha256)
        if image is not None:
            await self._blobs.delete(image.key)
