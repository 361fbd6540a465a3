"""The one task: claim, load, run, save, tell."""

import logging
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from redis.exceptions import RedisError

from shared.contract.errors import HuemillError, Internal, UnknownParameters, UnreadableRecord
from shared.contract.results import RESULT_FILE, ClusterResult
from shared.contract.stored_result import dump_result
from shared.jobs.model import Job, JobError, JobStatus, Loss, Progress, given_up, now
from shared.jobs.worker import WorkerStore
from shared.runtime import tracing
from shared.runtime.logs import bound
from shared.runtime.settings import Settings
from shared.storage.keys import attempt_prefix
from shared.storage.sync_blobs import SyncBlobs
from worker import metrics, pipeline
from worker.progress import Stopped

# A progress bar moves smoothly enough by this, and a stage does not flood the event stream.
REPORT_SECONDS = 0.1
# A new stage is told sooner; but a job of milliseconds says nothing but its end.
STAGE_SECONDS = 0.02
# After a report that did not get through. The lease is kept by the guard.
SILENT_SECONDS = 2.0

log = logging.getLogger("huemill.worker")


@dataclass(frozen=True)
class Mill:
    """What a working process has: its hands on the records and the files, and the guard that watches it."""

    store: WorkerStore
    blobs: SyncBlobs
    settings: Settings
    watch: Callable[[Job, float], AbstractContextManager[None]]
    """Tells the guard that the job runs here, and when it must be over (by the monotonic clock)."""


class Reporter:
    """Tells a running job's progress, and learns whether to go on."""

    def __init__(self, store: WorkerStore, job: Job, seconds: float) -> None:
        self._store, self._job = store, job
        self._ends = time.monotonic() + seconds
        self._stage, self._quiet_since, self._quiet_for = "", time.monotonic(), REPORT_SECONDS
        self._refused = False

    @property
    def timed_out(self) -> bool:
        return time.monotonic() > self._ends

    def report(self, stage: str, fraction: float) -> bool:
        """Tell the progress; False once the time is over or the claim no longer ours: the work is for nothing."""
        if self._refused or self.timed_out:
            return False
        quiet_for = self._quiet_for if stage == self._stage else min(self._quiet_for, STAGE_SECONDS)
        if time.monotonic() - self._quiet_since < quiet_for:
            return True
        self._stage, self._quiet_for = stage, REPORT_SECONDS
        try:
            self._refused = not self._store.report(self._job, Progress(stage=stage, fraction=round(fraction, 4)))
        except RedisError as error:
            log.warning("the progress cannot be told: %s", error)
            self._quiet_for = SILENT_SECONDS
        self._quiet_since = time.monotonic()
        return not self._refused


def run_job(job_id: str, mill: Mill) -> None:
    """Run the job if it is still to be run, and bring it to its end."""
    try:
        job = mill.store.claim(job_id)
    except UnknownParameters as error:
        log.warning("%s It is left for another worker", error, extra={"job_id": job_id})
        return
    except UnreadableRecord as error:
        metrics.unreadable.inc()
        log.error("%s It is passed over: %r", error, error.__cause__, extra={"job_id": job_id})
        return
    if job is None:
        log.info("gone, ended or taken: nothing to do", extra={"job_id": job_id})
        return
    parent = tracing.continued(job.traceparent)
    about: dict[str, str | int] = {"job_id": job.id, "attempt": job.attempt, "worker": job.attempts[-1].worker}
    with bound(**about), tracing.tracer.start_as_current_span("huemill.run", parent, attributes=about):
        _bring_to_its_end(job, mill)


def _bring_to_its_end(job: Job, mill: Mill) -> None:
    algorithm = job.params.algorithm
    log.info("%s begins", algorithm)
    metrics.attempts.labels(algorithm).inc()
    seconds = mill.settings.timeout_of(job.known_params)
    try:
        with mill.watch(job, seconds):
            _run(job, seconds, mill)
    except RedisError:
        # The record cannot be written now, so nothing is: the lease ends, and the sweep gives the job to a worker.
        log.exception("Redis is out of reach; the job will be taken up again")


def _run(job: Job, seconds: float, mill: Mill) -> None:
    """Compute, and say how it ended. Raises RedisError when that cannot be written down."""
    settings, reporter = mill.settings, Reporter(mill.store, job, seconds)
    try:
        data = mill.blobs.read(job.upload.key)
        mask = mill.blobs.read(job.mask.key) if job.mask is not None else None
        outcome = pipeline.run(
            data,
            job.known_params,
            reporter.report,
            mask=mask,
            limits=settings.image_limits,
            threads=settings.threads,
        )
        _save(job, outcome, mill)
    except Stopped:
        if reporter.timed_out:
            _fail(job, given_up(Loss.TIMEOUT, job.attempt, seconds), mill.store)
        else:
            metrics.stopped.inc()
            log.warning("the claim is not valid any more; stopped")
    except HuemillError as error:
        _fail(job, JobError(code=error.code, message=str(error), retryable=error.retryable), mill.store)
    except RedisError:
        raise
    except MemoryError:
        message = "The job needed more memory than the worker has. Send a smaller image or another algorithm."
        _fail(job, JobError(code=Loss.OUT_OF_MEMORY, message=message), mill.store)
    except Exception:
        log.exception("a defect of huemill")
        message = "huemill failed on this job by a defect of its own; its log has the details."
        _fail(job, JobError(code=Internal.code, message=message), mill.store)


def _save(job: Job, outcome: pipeline.Outcome, mill: Mill) -> None:
    """Write the files, then end the job; a stale claim's files are taken away again."""
    prefix = attempt_prefix(job.id, job.claim)
    files = {**outcome.files, RESULT_FILE: dump_result(outcome.result)}
    mill.blobs.write_all({prefix + name: data for name, data in files.items()})
    if mill.store.succeed(job, prefix):
        _count(job, outcome.result)
        return
    metrics.refused.inc()
    log.warning("a late result is refused")
    for name in files:
        mill.blobs.delete(prefix + name)


def _count(job: Job, result: ClusterResult) -> None:
    """Tell the operators of a success."""
    algorithm, timings = job.params.algorithm, result.timings_ms
    log.info("succeeded", extra={"timings_ms": timings})
    tracing.stages(timings)
    metrics.ended.labels(JobStatus.SUCCEEDED, "").inc()
    metrics.pixels.labels(algorithm).inc(result.image.pixels)
    if job.started_at is not None:
        metrics.job_seconds.labels(algorithm).observe((now() - job.started_at).total_seconds())
    for stage, milliseconds in timings.items():
        metrics.stage_seconds.labels(algorithm, stage).observe(milliseconds / 1000)


def _fail(job: Job, error: JobError, store: WorkerStore) -> None:
    log.info("failed with %s: %s", error.code, error.message)
    if store.fail(job, error):
        metrics.ended.labels(JobStatus.FAILED, error.code).inc()
    else:
        metrics.refused.inc()
