"""The sweep: finds jobs that were lost on the way or have expired, and sees to them.

It runs in every gateway, because the gateway gave the promise. Each step is one atomic move of the store, so several
sweeps at once, or one that is killed half-way, do no harm.
"""

import asyncio
import logging
from typing import Literal

from kombu.exceptions import OperationalError
from pydantic import ValidationError
from redis.exceptions import RedisError

from api import metrics
from api.http.dependencies import Parts
from api.intake.uploads import discard
from shared.contract.errors import HuemillError
from shared.jobs.model import Job, JobStatus, Loss, given_up
from shared.jobs.sweep import BATCH
from shared.runtime.logs import bound
from shared.storage.keys import attempt_prefix, result_prefix

# Of due jobs, until a sweep goes on to the rest. After a gateway was away they can be many.
MOST_BATCHES = 50

log = logging.getLogger("huemill.sweeper")


async def sweep_forever(parts: Parts) -> None:
    """Sweep every `sweep_seconds`; trouble with Redis is logged, and the next sweep carries on."""
    while True:
        try:
            with metrics.sweep_seconds.time():
                await sweep(parts)
        except (RedisError, OperationalError) as error:
            log.warning("sweep: %s", error)
        await asyncio.sleep(parts.settings.sweep_seconds)


async def sweep(parts: Parts) -> None:
    """See to every job and stored image whose time has come.

    One that makes trouble does not stand in the way of the others.
    """
    for _ in range(MOST_BATCHES):
        due = await parts.due.due()
        for job_id in due:
            with bound(job_id=job_id):
                try:
                    await see_to(job_id, parts)
                except HuemillError as error:
                    log.warning("%s", error)
                    await parts.due.put_off(job_id)
                except ValidationError:
                    log.exception("its record cannot be read")
                    await parts.due.put_off(job_id)
        if len(due) < BATCH:
            break
    for job, when in await parts.due.stranded():
        with bound(job_id=job.id):
            await _send_again(job, parts, when)
    for sha256 in await parts.images.due():
        image = await parts.images.take_if_due(sha256)
        try:
            if image is not None:
                await parts.blobs.delete(image.key)
        except HuemillError as error:
            log.warning("image %s: %s", sha256, error)


async def see_to(job_id: str, parts: Parts) -> None:
    """Do for one job what its time has come for."""
    job = await parts.store.get(job_id)
    if job is None:
        await parts.store.forget(job_id)
    elif job.status is JobStatus.QUEUED:
        await _send_again(job, parts)
    elif job.status is JobStatus.RUNNING:
        await _rescue(job, parts)
    elif not job.settled:
        await _settle(job, parts)
    elif await parts.due.is_due(job.id):
        await _expire(job, parts)


async def _send_again(job: Job, parts: Parts, due_by: float | Literal["now"] = "now") -> None:
    """Nobody claimed it for long: the message may be lost, or the queue is long. A second one does no harm."""
    if await parts.due.resend(job, due_by):
        metrics.resent.inc()
        await asyncio.to_thread(parts.queue.send, job)


async def _rescue(job: Job, parts: Parts) -> None:
    """Its attempt is over, as its worker says or as its lease does: try it again, or give it up."""
    loss = job.loss or Loss.WORKER_LOST
    again = loss is Loss.WORKER_STOPPED or job.attempt < parts.settings.max_attempts
    if again and loss is not Loss.TIMEOUT:
        if await parts.due.give_back(job, loss):
            metrics.lost.labels(loss).inc()
            log.warning("attempt %d: %s; back to the queue", job.attempt, loss)
            returned = await parts.store.get(job.id)
            if returned is not None and returned.status is JobStatus.QUEUED:
                await _send_again(returned, parts)
            await _remove_begun(job, parts)
        return
    error = given_up(loss, job.attempt, parts.settings.timeout_of(job.params))
    if await parts.due.fail(job, error):
        metrics.lost.labels(loss).inc()
        metrics.ended.labels(JobStatus.FAILED, error.code).inc()
        log.error("attempt %d: %s; given up", job.attempt, loss)
        await _remove_begun(job, parts)


async def _remove_begun(job: Job, parts: Parts) -> None:
    """Take away what its last attempt has written of a result."""
    await parts.blobs.delete_all(attempt_prefix(job.id, job.claim))


async def _settle(job: Job, parts: Parts) -> None:
    """It ended some seconds ago, and no store forgets that any more: it will not run again.

    What a storage that is in trouble keeps of it is left for the collector.
    """
    if not await parts.due.settle(job):
        return  # it has ended since it was listed, and its time is yet to come
    try:
        await discard(job.uploads, parts.blobs)
        if job.status is not JobStatus.SUCCEEDED:
            await parts.blobs.delete_all(result_prefix(job.id))  # it was full, or somebody was killed, in mid-write
    except HuemillError as error:
        log.warning("its files: %s", error)


async def _expire(job: Job, parts: Parts) -> None:
    """Its result is not kept any longer."""
    await parts.blobs.delete_all(result_prefix(job.id))
    await parts.due.expire(job)
