"""The gateway: `uvicorn --factory api.main:create_app`. The only place where it is wired together."""

import contextlib
from collections.abc import AsyncIterator
from importlib.metadata import version

from fastapi import FastAPI
from fastapi_swagger import patch_fastapi

from api.http import problems
from api.http.dependencies import Parts
from api.http.routes import events, health, images, jobs, results
from api.http.timing import Timed
from api.intake.fetch import Fetcher
from api.intake.slots import Slots
from api.upkeep.collector import Collector
from api.upkeep.image_sweeper import ImageSweeper
from api.upkeep.supervise import Supervisor, Task
from api.upkeep.sweeper import Sweeper
from api.upkeep.troubles import Troubles
from shared.jobs.clients import JobStore
from shared.jobs.queue import Queue
from shared.jobs.sweep import SweepStore
from shared.runtime import connections, logs, tracing
from shared.runtime.settings import Settings
from shared.storage.blobs import Blobs
from shared.storage.images import ImageStore
from shared.storage.stored_images import StoredImages
from shared.storage.sync_blobs import SyncBlobs

DESCRIPTION = """Colour clustering of images, every pixel, exactly.

Post an image to `/v1/jobs`, then poll the job, wait for it (`Prefer: wait=10`) or follow its events."""


def wire(settings: Settings) -> Parts:
    """The gateway's parts. Nothing is connected before it is used."""
    redis = connections.gateway(settings)
    periods = {"resend_seconds": settings.resend_seconds, "result_ttl_seconds": settings.result_ttl_seconds}
    jobs, due = JobStore(redis, **periods), SweepStore(redis, **periods)
    blobs, queue = Blobs(settings.blob_url), Queue(settings)
    images, troubles = ImageStore(redis, settings.image_ttl_seconds), Troubles()
    stored = StoredImages(images, blobs)
    sweeper = Sweeper(
        jobs,
        due,
        blobs,
        queue,
        troubles,
        max_attempts=settings.max_attempts,
        timeout_of=settings.timeout_of,
    )
    collector = Collector(jobs, blobs, images, troubles, orphan_seconds=settings.orphan_seconds)
    image_sweeper, every = ImageSweeper(images, stored, troubles), settings.collect_seconds
    tasks = [
        Task(sweeper.NAME, sweeper.sweep, settings.sweep_seconds, vital=True),
        Task(image_sweeper.NAME, image_sweeper.sweep, settings.sweep_seconds),
        Task(collector.NAME, collector.collect, every, first_after=every),
    ]
    return Parts(
        settings,
        redis,
        jobs,
        due,
        blobs,
        SyncBlobs(settings.blob_url),
        queue,
        images,
        stored,
        Fetcher(settings),
        Slots(settings.max_uploads),
        sweeper,
        collector,
        Supervisor(tasks, troubles),
    )


@contextlib.asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    tracing.set_up("huemill-gateway")
    parts = wire(app.state.settings)
    app.state.parts = parts
    parts.supervisor.start()
    yield
    await parts.supervisor.stop()
    parts.fetcher.close()
    await parts.redis.aclose()
    parts.queue.close()


def create_app(settings: Settings | None = None) -> FastAPI:
    """The gateway's application; it connects to Redis and the blob store when it is started."""
    settings = settings or Settings()
    logs.set_up(settings.log_format)
    app = FastAPI(
        title="huemill",
        version=version("huemill"),
        description=DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        swagger_ui_oauth2_redirect_url=None,
        lifespan=_lifespan,
    )
    app.state.settings = settings
    app.add_middleware(Timed)
    problems.install(app)
    for module in (jobs, results, events, images, health):
        app.include_router(module.router)
    patch_fastapi(app)  # /docs from files of an installed package: it works with no internet
    return app
