"""The sweep: finds jobs that were lost on the way or have expired, and sees to them.

It runs in every gateway, because the gateway gave the promise. Each step is one atomic move of the store, so several
sweeps at once, or one that is killed half-way, do no harm.
"""

import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Literal

from api import metrics
from api.upkeep.failures import Failures
from shared.contract.errors import HuemillError, UnknownParameters, UnreadableRecord
from shared.contract.params import AnyParams
from shared.jobs.clients import JobStore
from shared.jobs.model import ENDED, Job, JobError, JobStatus, Loss, UnknownParams, given_up, now
from shared.jobs.sweep import BATCH, SweepStore
from shared.runtime.logs import bound
from shared.storage.blobs import Blobs
from shared.storage.keys import attempt_prefix, result_prefix
from shared.storage.results import remove_result

# Of due jobs, until a sweep goes on to the rest. After a gateway was away they can be many.
MOST_BATCHES = 50
# So long a job is left queued after a worker has said that it does not know its parameters.
REFUSED_SECONDS = 900.0

log = logging.getLogger("huemill.sweeper")


class SweepIncomplete(HuemillError):
    """Something could not even be looked for; why, the log has told."""


class Sweeper:
    """Sees to jobs whose time has come."""

    NAME = "sweep"

    def __init__(
        self,
        jobs: JobStore,
        due: SweepStore,
        blobs: Blobs,
        failures: Failures,
        *,
        max_attempts: int,
        limit_of: Callable[[AnyParams], float],
    ) -> None:
        """`limit_of`: the seconds that any job of this kind may run."""
        self._jobs, self._due, self._blobs = jobs, due, blobs
        self._failures, self._max_attempts, self._limit_of = failures, max_attempts, limit_of

    async def sweep(self) -> None:
        """See to every job whose time has come, or whose message is lost.

        One that makes trouble does not stand in the way of the others, nor the due ones in that of the stranded.
        Raises Unavailable where Redis is away, and SweepIncomplete where one kind could not be looked for.
        """
        failures = 0
        with metrics.sweep_seconds.time():
            for kind, handle_all in (("due jobs", self._due_jobs), ("stranded jobs", self._stranded_jobs)):
                with self._failures.contained(self.NAME, kind) as raised:
                    await handle_all()
                failures += len(raised)
        if failures:
            raise SweepIncomplete("Not all jobs whose time has come could be looked for.")

    async def _due_jobs(self) -> None:
        for _ in range(MOST_BATCHES):
            due = await self._due.due()
            settled = await self._settle_all(due)
            for job_id in due:
                if job_id not in settled:
                    await self._handle_apart(job_id, self.handle(job_id))
            if len(due) < BATCH:
                return

    async def _settle_all(self, due: list[str]) -> set[str]:
        """Settle the due jobs that have ended, as far as nothing is in the way; which they were.

        Each job comes to this a moment after its end, so all that ended in a second are seen to together.
        """
        jobs = await self._jobs.get_readable(due)
        settled = await self._due.settle_all([job for job in jobs if job.status in ENDED and not job.settled])
        for job in settled:
            await self._handle_apart(job.id, self._remove_uploads(job))
        return {job.id for job in settled}

    async def _stranded_jobs(self) -> None:
        for job, when in await self._due.stranded():
            await self._handle_apart(job.id, self._send_again(job, when))

    async def _handle_apart(self, job_id: str, work: Awaitable[None]) -> None:
        """Let `work` be done for a job; one that makes trouble is put off, and the others get their turn."""
        with bound(job_id=job_id), self._failures.contained(self.NAME, f"job {job_id}") as raised:
            try:
                await work
            except UnreadableRecord as error:
                self._failures.unreadable("job", job_id, error)
                await self._due.set_aside(job_id)
        if raised:
            await self._due.put_off(job_id)

    async def handle(self, job_id: str) -> None:
        """Do for one job what its time has come for."""
        job = await self._jobs.get(job_id)
        if job is None:
            await self._jobs.forget(job_id)
        elif job.status is JobStatus.QUEUED and job.follows is not None:
            await self._due.rescue(job)
        elif job.status is JobStatus.QUEUED:
            await self._send_again(job)
        elif job.status is JobStatus.RUNNING:
            await self._rescue(job)
        elif not job.ended:
            self._failures.unreadable("job", job_id, UnreadableRecord(f"Its state, {job.status}, is not known here."))
            await self._due.put_off(job_id)
        elif not job.settled:
            await self._settle(job)
        elif await self._due.is_due(job.id):
            await self._expire(job)

    async def _send_again(self, job: Job, due_by: float | Literal["now"] = "now") -> None:
        """Nobody claimed it for long: the message may be lost, or the queue is long. A second one does no harm.

        Or workers have looked at it and do not know its parameters. That is so for a while where a later version is
        being deployed; where it was taken back, nobody will ever know them.
        """
        if job.refused_at is not None and now() - job.refused_at > timedelta(seconds=REFUSED_SECONDS):
            await self._reject(job)
            return
        if await self._due.resend(job, due_by):
            metrics.resent.inc()
            await self._due.send(job)

    async def _reject(self, job: Job) -> None:
        message = "No worker knows these parameters, which a later version of huemill has taken. Post the job again."
        if await self._due.reject(job, JobError(code=UnknownParameters.code, message=message, retryable=True)):
            metrics.ended.labels(JobStatus.FAILED, UnknownParameters.code).inc()
            log.error("no worker knows its parameters; given up")

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
        known = None if isinstance(job.params, UnknownParams) else job.params
        most, asked = (self._limit_of(known), known.timeout) if known is not None else (None, None)
        error = given_up(loss, job.attempt, most, asked)
        if await self._due.fail(job, error):
            metrics.lost.labels(loss).inc()
            metrics.ended.labels(JobStatus.FAILED, error.code).inc()
            log.error("attempt %d: %s; given up", job.attempt, loss)
            await self._remove_begun(job)

    async def _remove_begun(self, job: Job) -> None:
        """Take away what its last attempt has written of a result."""
        await self._blobs.delete_all(attempt_prefix(job.id, job.claim))

    async def _settle(self, job: Job) -> None:
        """It ended some seconds ago, and no store forgets that any more: it will not run again."""
        if await self._due.settle(job):  # else it has ended since it was listed, and its time is yet to come
            await self._remove_uploads(job)

    async def _remove_uploads(self, job: Job) -> None:
        """They are needed no more. What a storage that is in trouble keeps of them is left for the collector."""
        try:
            for upload in job.uploads:
                await self._blobs.delete(upload.key)
            if job.result_key is None:
                # It was full, or somebody was killed, in mid-write.
                await self._blobs.delete_all(result_prefix(job.id))
        except HuemillError as error:
            log.warning("its files: %s", error)

    async def _expire(self, job: Job) -> None:
        """Its result is not kept any longer."""
        await remove_result(job, self._jobs, self._blobs)
        await self._due.expire(job)
