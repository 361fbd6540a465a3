"""The Celery application: `celery -A worker.main worker`. The only place where the worker is wired together."""

import gc
import logging
import os
import signal
from contextlib import suppress
from functools import cache
from typing import Any

from celery import Task, signals
from redis.exceptions import RedisError

from shared.jobs.guard import GuardStore
from shared.jobs.message import TASK
from shared.jobs.worker import WorkerStore
from shared.jobs.worker_names import public_name, worker_name
from shared.runtime import connections, logs, tracing
from shared.runtime.settings import WrongSettings, read_settings
from shared.storage.sync_blobs import SyncBlobs
from worker import metrics, warmup
from worker.guard import Guard
from worker.lifetime import end_with_parent
from worker.queue import celery_app
from worker.tasks import JobRunner

REAP_SECONDS = 0.5

log = logging.getLogger("huemill.worker")

try:
    settings = read_settings()
except WrongSettings as error:
    raise SystemExit(f"huemill: {error}") from None
app = celery_app(settings)
# Celery has words to say before it asks for logs to be set up, and would then set them up in its own way.
logs.set_up(settings.log_format)
# Before the children are forked: they write into its pipe.
_guard = Guard(settings)
_name = worker_name(os.getpid())


@app.task(name=TASK, bind=True)  # type: ignore[untyped-decorator]
def run(task: Task, job_id: str = "") -> None:
    """Run one job of the queue that the message came from; see worker.tasks.

    Messages name a job for workers of the version before this one, which know no turns. The next version need not.
    """
    _runner().run(task.request.delivery_info["routing_key"], job_id)


@cache
def _runner() -> JobRunner:
    """Of this child. Connections and the object store's threads do not survive a fork: they are opened after it."""
    store = WorkerStore(
        connections.retrying(settings),
        connections.failing_fast(settings),
        f"{_name}/{os.getpid()}",
        lease_seconds=settings.lease_seconds,
        result_ttl_seconds=settings.result_ttl_seconds,
    )
    return JobRunner(store, SyncBlobs(settings.blob_url), settings, _guard.running)


@signals.setup_logging.connect  # type: ignore[untyped-decorator]
def _keep_logging(**_: object) -> None:
    """That somebody listens is enough. Celery's own words on every message name no job, and ours say more."""
    for name in ("celery.worker.strategy", "celery.app.trace"):
        logging.getLogger(name).setLevel(logging.WARNING)


@signals.worker_init.connect  # type: ignore[untyped-decorator]
def _before_forking(**_: object) -> None:
    """Load the kernels' machine code once, in the process that all children are forked from.

    On a fresh machine that is what most jobs need. The rest is compiled beside the first jobs: a child loads it from
    the disk, or compiles what it does not find there.
    """
    try:
        connections.check_if_there(settings)
    except connections.WrongServer as error:
        raise SystemExit(f"huemill: {error}") from None
    try:
        complete = warmup.warm_up_for_work()
    except Exception as error:
        # Celery would log it and go on, with a worker that fails every job.
        log.exception("the kernels cannot be compiled or loaded")
        raise SystemExit(1) from error
    if not complete:
        signals.worker_ready.connect(warmup.go_on_in_background)
    # What is loaded by now stays to the end. Nobody need look through it for garbage: neither the children, who would
    # get a page of their own of each that is looked at, nor Python at its end, which takes half a second of it.
    gc.freeze()


@signals.worker_process_init.connect  # type: ignore[untyped-decorator]
def _in_each_child(**_: object) -> None:
    # A stop of the whole process group is the main process's to see to; and nothing runs without its guard.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    end_with_parent()
    tracing.set_up("huemill-worker")
    _runner()


@cache
def _records() -> GuardStore:
    """Of the main process."""
    return GuardStore(connections.guard(settings), lease_seconds=settings.lease_seconds)


@signals.worker_ready.connect  # type: ignore[untyped-decorator]
def _with_its_children(sender: Any, **_: object) -> None:
    """The guard begins when the children are there: before, there is nothing to watch."""
    _guard.start(_records())
    log.info("ready, as %s", _name, extra={"public_name": public_name(_name)})
    # A dead child's pipe closes a moment before the child can be reaped. Celery then looks again after 5 s only, and
    # that long the child's place would be empty.
    sender.timer.call_repeatedly(REAP_SECONDS, sender.pool.maintain_pool)
    if settings.metrics_port is not None:
        try:
            metrics.serve(settings.metrics_port)
        except OSError as error:  # of several workers on one host the first has it
            log.warning("no metrics of this worker: port %d cannot be taken: %s", settings.metrics_port, error)


# Connected here and not when all is ready: Celery looks but once, before that, whether anybody hears the heartbeats.
@signals.worker_ready.connect  # type: ignore[untyped-decorator]
@signals.heartbeat_sent.connect  # type: ignore[untyped-decorator]
def _note_that_it_lives(**_: object) -> None:
    try:
        _records().heard(_name)
    except RedisError as error:
        log.warning("that this worker lives cannot be told: %s", error)


@signals.worker_shutdown.connect  # type: ignore[untyped-decorator]
def _note_that_it_stopped(**_: object) -> None:
    with suppress(RedisError):  # then it is silent, which comes to the same
        _records().gone(_name)


@signals.worker_shutting_down.connect  # type: ignore[untyped-decorator]
def _drain(**_: object) -> None:
    """Sent inside the handler of SIGTERM: nothing here may wait for what the interrupted code holds."""
    _guard.drain()
