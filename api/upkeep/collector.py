"""The collector: removes blobs that no record points to.

A gateway that is killed between an upload and its record, or a worker that is killed between a result's files and its
record, leaves blobs behind. What is older than `orphan_seconds` and not named by a record is removed, hourly, by every
gateway: two at once do no harm. Nothing is removed unless Redis has answered for the job that it would belong to.
"""

import asyncio
import logging
from datetime import timedelta
from itertools import groupby

from redis.exceptions import RedisError

from api import metrics
from api.http.dependencies import Parts
from shared.contract.errors import HuemillError
from shared.jobs.model import Job, now
from shared.storage.blobs import Entry
from shared.storage.keys import IMAGES, RESULTS, UPLOADS, attempt_prefix, owner_of

log = logging.getLogger("huemill.collector")


async def collect_forever(parts: Parts) -> None:
    """Collect every `collect_seconds`; trouble with Redis or the storage is logged, and the next time carries on."""
    while True:
        await asyncio.sleep(parts.settings.collect_seconds)
        try:
            removed = await collect(parts)
        except (RedisError, HuemillError) as error:
            log.warning("collecting orphans: %s", error)
        else:
            metrics.orphans.inc(removed)
            if removed:
                log.info("removed %d blobs that belonged to no job", removed)


async def collect(parts: Parts) -> int:
    """Remove all orphans once; how many there were."""
    age = parts.settings.orphan_seconds
    oldest_kept = now() - timedelta(seconds=age)
    removed = await parts.blobs.delete_unfinished(age)
    for prefix in (UPLOADS, RESULTS):
        old = [entry async for entry in parts.blobs.entries(prefix) if entry.modified < oldest_kept]
        for job_id, entries in groupby(sorted(old), lambda entry: owner_of(entry.key)):
            job = await parts.store.get(job_id)
            for entry in entries:
                if not _belongs(entry, job):
                    await parts.blobs.delete(entry.key)
                    removed += 1
    async for entry in parts.blobs.entries(IMAGES):
        if entry.modified < oldest_kept:
            kept = await parts.images.get(owner_of(entry.key))
            if kept is None or kept.image.key != entry.key:
                await parts.blobs.delete(entry.key)
                removed += 1
    return removed


def _belongs(entry: Entry, job: Job | None) -> bool:
    """Whether a record points to the blob, or a worker may still be about to make it do so."""
    if job is None:
        return False
    if entry.key.startswith(UPLOADS):
        return not job.settled
    if job.ended:
        return job.result_key is not None and entry.key.startswith(job.result_key)
    return entry.key.startswith(attempt_prefix(job.id, job.claim))
