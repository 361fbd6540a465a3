"""What a gateway has behind its routes, wired for tests without its routes."""

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from redis.asyncio import Redis

from api.access.quotas import Quotas
from api.upkeep.collector import Collector
from api.upkeep.failures import Failures
from api.upkeep.image_sweeper import ImageSweeper
from api.upkeep.sweeper import Sweeper
from shared.access.quotas import QuotaStore
from shared.jobs.clients import JobStore
from shared.jobs.listing import JobList
from shared.jobs.streams import Streams
from shared.jobs.sweep import SweepStore
from shared.runtime import connections
from shared.runtime.settings import Settings
from shared.storage.blobs import Blobs
from shared.storage.images import ImageStore
from shared.storage.stored_images import StoredImages
from shared.storage.sync_blobs import SyncBlobs

T = TypeVar("T")


@dataclass
class Gateway:
    """The parts, and the event loop that all of them live in."""

    runner: asyncio.Runner
    redis: Redis
    store: JobStore
    quotas: Quotas
    streams: Streams
    lists: JobList
    due: SweepStore
    blobs: Blobs
    sync_blobs: SyncBlobs
    images: ImageStore
    stored: StoredImages
    failures: Failures
    sweeper: Sweeper
    image_sweeper: ImageSweeper
    collector: Collector

    def run(self, question: Coroutine[Any, Any, T]) -> T:
        """The answer to a question to one of the parts."""
        return self.runner.run(question)

    def sweep(self) -> None:
        self.run(self.sweeper.sweep())


@contextmanager
def gateway(settings: Settings) -> Iterator[Gateway]:
    """The parts of a gateway with these settings, until the context ends."""
    redis = connections.gateway(settings)
    periods = {"resend_seconds": settings.resend_seconds, "result_ttl_seconds": settings.result_ttl_seconds}
    jobs, due, failures = JobStore(redis, **periods), SweepStore(redis, **periods), Failures()
    blobs, images = Blobs(settings.blob_url), ImageStore(redis, settings.image_ttl_seconds)
    stored = StoredImages(images, blobs)
    sweeper = Sweeper(jobs, due, blobs, failures, max_attempts=settings.max_attempts, limit_of=settings.limit_of)
    image_sweeper = ImageSweeper(images, stored, failures)
    collector = Collector(jobs, blobs, images, failures, orphan_seconds=settings.orphan_seconds)
    files = SyncBlobs(settings.blob_url)
    background = (failures, sweeper, image_sweeper, collector)
    with asyncio.Runner() as runner:
        try:
            yield Gateway(
                runner,
                redis,
                jobs,
                Quotas(QuotaStore(redis)),
                Streams(redis),
                JobList(redis),
                due,
                blobs,
                files,
                images,
                stored,
                *background,
            )
        finally:
            runner.run(redis.aclose())
