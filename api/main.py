"""The gateway's application, which `python -m api.server` serves. The only place where it is wired together."""

import contextlib
from collections.abc import AsyncIterator
from functools import partial
from importlib.metadata import version

from fastapi import FastAPI
from redis.asyncio import Redis

from api import metrics
from api.access.keyring import WATCH_SECONDS, Keyring
from api.access.quotas import Quotas
from api.access.signing import callback_secrets
from api.callbacks.post import Poster
from api.callbacks.sender import EVERY_SECONDS, LEASE_SECONDS, MAX_SENDING, Sender
from api.http import console, hrefs, problems
from api.http.access import Access
from api.http.cors import Cors
from api.http.defects import Defects
from api.http.dependencies import Services
from api.http.openapi import Documented
from api.http.origins import ForeignPages
from api.http.results import described
from api.http.routes import (
    callbacks,
    document,
    errors,
    events,
    files,
    health,
    images,
    jobs,
    limits,
    listing,
    page,
    palettes,
    results,
    sockets,
)
from api.http.secured import secure
from api.http.timing import Timed
from api.intake.fetch import Fetcher
from api.intake.receive import Intake
from api.intake.references import References
from api.intake.upload_slots import Slots
from api.intake.uploads import Uploads
from api.jobs.accept import Acceptance
from api.jobs.room import Room
from api.upkeep.collector import Collector
from api.upkeep.failures import Failures
from api.upkeep.image_sweeper import ImageSweeper
from api.upkeep.supervise import Supervisor, Task
from api.upkeep.sweeper import Sweeper
from shared.access.quotas import QuotaStore
from shared.access.store import KeyReader
from shared.jobs.clients import JobStore
from shared.jobs.listing import JobList
from shared.jobs.outbox import OutboxStore
from shared.jobs.reservations import Reservations
from shared.jobs.streams import Streams
from shared.jobs.sweep import SweepStore
from shared.runtime import connections, logs, tracing
from shared.runtime.settings import Settings
from shared.storage.blobs import Blobs
from shared.storage.images import ImageStore
from shared.storage.stored_images import StoredImages
from shared.storage.sync_blobs import SyncBlobs

DESCRIPTION = """Colour clustering of images, every pixel, exactly.

Post an image to `/v1/jobs`, then poll the job, wait for it (`Prefer: wait=10`) or follow its events."""


def wire(settings: Settings) -> Services:
    """The gateway's services, each made with what it uses. Nothing is connected before it is used."""
    redis, failures = connections.gateway(settings), Failures()
    periods = {"resend_seconds": settings.resend_seconds, "result_ttl_seconds": settings.result_ttl_seconds}
    store, due = JobStore(redis, **periods), SweepStore(redis, **periods)
    images = ImageStore(redis, settings.image_ttl_seconds)
    blobs, sync_blobs = Blobs(settings.blob_url), SyncBlobs(settings.blob_url)
    stored_images, fetcher = StoredImages(images, blobs), Fetcher(settings)
    uploads, references = Uploads(blobs, sync_blobs, settings), References(fetcher, stored_images)
    sweeper = Sweeper(store, due, blobs, failures, max_attempts=settings.max_attempts, limit_of=settings.limit_of)
    image_sweeper = ImageSweeper(images, stored_images, failures)
    collector = Collector(store, blobs, images, failures, orphan_seconds=settings.orphan_seconds)
    outbox, poster = OutboxStore(redis, lease_seconds=LEASE_SECONDS), Poster(settings, MAX_SENDING)
    streams, quotas = Streams(redis), Quotas(QuotaStore(redis))
    keyring, with_keys = Keyring(KeyReader(redis), streams), settings.auth == "keys"
    secrets = partial(callback_secrets, settings, keyring)
    sender = Sender(outbox, store, poster, partial(described, blobs=blobs), failures, secrets=secrets)
    every = settings.collect_seconds
    tasks = [
        Task(sweeper.NAME, sweeper.sweep, settings.sweep_seconds, vital=True),
        Task(image_sweeper.NAME, image_sweeper.sweep, settings.sweep_seconds),
        Task(collector.NAME, collector.collect, every, first_after=every),
        # Without a secret nothing can be signed: what another gateway's clients wish for is left to it.
        *([Task(sender.NAME, sender.send, EVERY_SECONDS)] if with_keys or settings.callback_secret else []),
        *([Task(keyring.NAME, keyring.watch, WATCH_SECONDS)] if with_keys else []),
    ]
    return Services(
        settings,
        redis,
        store,
        streams,
        JobList(redis),
        images,
        stored_images,
        blobs,
        fetcher,
        Intake(uploads, references, Slots(settings.max_uploads), settings),
        Acceptance(store, Reservations(redis), blobs, quotas, Room(store, settings.max_queued)),
        Supervisor(tasks, failures),
        outbox,
        poster,
        sender,
        keyring,
        quotas,
    )


@contextlib.asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    tracing.set_up("huemill-gateway")
    services = app.state.services = wire(app.state.settings)
    services[Supervisor].start()
    services[Streams].start()
    metrics.followers.set_function(lambda: services[Streams].followers)
    yield
    await services[Streams].stop()
    await services[Supervisor].stop()
    await services[Sender].close()
    services[Poster].close()
    services[Fetcher].close()
    await services[Redis].aclose()


def create_app(settings: Settings | None = None) -> FastAPI:
    """The gateway's application; it connects to Redis and the blob store when it is started."""
    settings = settings or Settings()
    logs.set_up(settings.log_format)
    hrefs.serve_under(settings.root_path)
    app = Documented(
        generate_unique_id_function=lambda route: route.name,
        title="huemill",
        version=version("huemill"),
        description=DESCRIPTION,
        openapi_url=None,  # a route of ours sends it
        docs_url=None,
        redoc_url=None,
        swagger_ui_oauth2_redirect_url=None,
        redirect_slashes=False,  # it would build an address from the host that a client names
        lifespan=_lifespan,
    )
    app.state.settings = settings
    if settings.auth == "keys":
        app.add_middleware(Access)
        app.more = secure
    else:
        app.add_middleware(ForeignPages, origins=settings.cors_origins)
    app.add_middleware(Defects)
    app.add_middleware(Timed)
    if settings.cors_origins:
        app.add_middleware(Cors, origins=settings.cors_origins)
    problems.install(app)
    for module in (
        jobs,
        listing,
        results,
        files,
        palettes,
        events,
        sockets,
        callbacks,
        images,
        errors,
        limits,
        health,
        document,
        console,
        page,
    ):
        app.include_router(module.router)
    return app
