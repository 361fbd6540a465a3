"""A new job: its record is stored, then its id is sent to a worker."""

import asyncio
import logging

from api import metrics
from shared.contract.errors import QueueFull, Refused, Unavailable
from shared.jobs.clients import JobStore
from shared.jobs.model import Job
from shared.jobs.queue import Queue
from shared.storage.blobs import Blobs

log = logging.getLogger("huemill.api")


class Acceptance:
    """Takes jobs, as long as there are not too many that wait."""

    def __init__(self, store: JobStore, queue: Queue, blobs: Blobs, max_queued: int) -> None:
        self._store, self._queue, self._blobs, self._max_queued = store, queue, blobs, max_queued

    async def check_room(self) -> None:
        """Raises QueueFull where no more jobs are taken at the moment: to be asked before an upload is read."""
        if await self._store.queued() >= self._max_queued:
            raise QueueFull("Too many jobs are waiting already. Try again later.")

    async def accept(self, job: Job) -> str:
        """Store a job whose uploads are in the blob store, and send it; the id of its first event.

        Once its record is there the job is accepted: the sweep sends what could not be sent. If it cannot be stored
        nothing is left of it; where nobody knows whether it was, and it cannot be withdrawn, it keeps its files: then
        it runs as if it had been accepted, or they are collected.
        """
        try:
            event = await self._store.create(job)
        except BaseException as error:
            if isinstance(error, Refused) or await self._store.withdraw(job):
                for upload in job.uploads:
                    await self._blobs.delete(upload.key)
            raise
        metrics.accepted.labels(job.params.algorithm).inc()
        try:
            await asyncio.to_thread(self._queue.send, job)
        except Unavailable as error:
            log.warning("its message cannot be sent now: %s", error.__cause__, extra={"job_id": job.id})
        return event
