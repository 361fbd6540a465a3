"""The collector: removes blobs that no record points to.

A gateway that is killed between an upload and its record, or a worker that is killed between a result's files and its
record, leaves blobs behind. What is older than `orphan_seconds` and not named by a record is removed, hourly, by every
gateway: two at once do no harm. Nothing is removed unless Redis has answered for the job that it would belong to.
"""

import logging
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from itertools import groupby

from api import metrics
from api.upkeep.failures import Failures
from shared.contract.errors import UnreadableRecord
from shared.jobs.clients import JobStore
from shared.jobs.model import Job, JobStatus, now
from shared.storage.blobs import Blobs, Entry
from shared.storage.images import ImageStore
from shared.storage.keys import IMAGES, RESULTS, UPLOADS, claim_of, owner_of

# Blobs that resist: after so many the storage itself is taken to be in trouble, and the rest waits.
MOST_FAILURES = 20

log = logging.getLogger("huemill.collector")


class Collector:
    """Compares blobs with records."""

    NAME = "collector"

    def __init__(
        self, jobs: JobStore, blobs: Blobs, images: ImageStore, failures: Failures, *, orphan_seconds: float
    ) -> None:
        self._jobs, self._blobs, self._images, self._failures = jobs, blobs, images, failures
        self._age = orphan_seconds

    async def collect(self) -> int:
        """Remove all orphans once; how many there were."""
        before = now() - timedelta(seconds=self._age)
        removed = await self._blobs.delete_unfinished(self._age)
        metrics.orphans.inc(removed)
        for prefix in (UPLOADS, RESULTS):
            removed += await self._collect_under(prefix, before, self._job_orphans)
        removed += await self._collect_under(IMAGES, before, self._image_orphans)
        if removed:
            log.info("removed %d blobs that belonged to nothing", removed)
        return removed

    async def _collect_under(
        self, prefix: str, before: datetime, orphans_of: Callable[[str, list[Entry]], Awaitable[list[Entry]]]
    ) -> int:
        """Remove the orphans among the blobs of a prefix; an owner that makes trouble keeps all of its own."""
        old = [entry async for entry in self._blobs.entries(prefix) if entry.modified < before]
        removed = failures = 0
        for owner, entries in groupby(sorted(old), lambda entry: owner_of(entry.key)):
            with self._failures.contained(self.NAME, f"{prefix}{owner}") as raised:
                try:
                    orphans = await orphans_of(owner, list(entries))
                except UnreadableRecord as error:
                    self._failures.unreadable(
                        "image" if prefix == IMAGES else "job", owner, error
                    )  # it may name any of them
                    continue
                for entry in orphans:
                    await self._blobs.delete(entry.key)
                    metrics.orphans.inc()
                    removed += 1
            failures += len(raised)
            if failures > MOST_FAILURES:
                raise raised[0]
        return removed

    async def _job_orphans(self, job_id: str, entries: list[Entry]) -> list[Entry]:
        job = await self._jobs.get(job_id)
        orphans = [entry for entry in entries if not _belongs(entry, job)]
        if orphans and orphans[0].key.startswith(RESULTS) and await self._jobs.is_used(job_id):
            return []  # they are another job's result
        return orphans

    async def _image_orphans(self, sha256: str, entries: list[Entry]) -> list[Entry]:
        kept = await self._images.get(sha256)
        return [entry for entry in entries if kept is None or kept.image.key != entry.key]


def _belongs(entry: Entry, job: Job | None) -> bool:
    """Whether a record points to the blob, or a worker may still be about to make it do so.

    So it does of what a later version may have put there: states and files that are not known here.
    """
    if job is None:
        return False
    if entry.key.startswith(UPLOADS):
        return not job.settled
    claim = claim_of(entry.key)
    if claim is None or job.status not in set(JobStatus):
        return True
    if job.ended:
        return job.result_key is not None and entry.key.startswith(job.result_key)
    return claim == job.claim
