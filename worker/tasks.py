"""The one task: claim, load, run, save, tell."""

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from redis.exceptions import RedisError

from shared.contract.errors import HuemillError, Internal, UnknownParameters, UnreadableRecord
from shared.contract.results import RESULT_FILE, ClusterResult
from shared.contract.stored_result import dump_result
from shared.jobs.model import Job, JobError, JobStatus, Loss, given_up, now
from shared.jobs.worker import Turn, WorkerStore
from shared.runtime import tracing
from shared.runtime.logs import bound
from shared.runtime.settings import Settings
from shared.storage.keys import attempt_prefix
from shared.storage.sync_blobs import SyncBlobs
from worker import metrics, pipeline
from worker.progress import Stopped
from worker.reporter import Reporter

# By one message. What is passed over does not come again at once: this ends a search, and the sweep sends what is left.
MOST_PASSED_OVER = 100

log = logging.getLogger("huemill.worker")


@dataclass(frozen=True)
class JobRunner:
    """Brings jobs to their end, one after the other; each child of a worker has one."""

    store: WorkerStore
    blobs: SyncBlobs
    settings: Settings
    watched: Callable[[Job, float], AbstractContextManager[None]]
    """While a job runs: tells the guard that it does, and in how many seconds it must be over."""

    def run(self, queue: str, named: str = "") -> None:
        """Run the job of the queue whose turn it is, if one waits, and bring it to its end. `named`: by the message."""
        job = self._next(queue, named)
        if job is None:
            log.info("none waits: nothing to do", extra={"job_id": named})
            return
        parent = tracing.continued(job.traceparent)
        about: dict[str, str | int] = {"job_id": job.id, "attempt": job.attempt, "worker": job.attempts[-1].worker}
        with bound(**about), tracing.tracer.start_as_current_span("huemill.run", parent, attributes=about):
            self._bring_to_its_end(job)

    def _next(self, queue: str, named: str) -> Job | None:
        """The job whose turn it is, claimed. What cannot be run by this worker is passed over, and left as it is."""
        for _ in range(MOST_PASSED_OVER):
            turn = self.store.turn(queue, named)
            if turn is None:
                return None
            job = self._claimed(turn)
            if job is not None:
                return job
            named = ""
        return None

    def _claimed(self, turn: Turn) -> Job | None:
        try:
            return self.store.claim(*turn)
        except UnknownParameters as error:
            log.warning("%s It is left for another worker", error, extra={"job_id": turn.job_id})
        except UnreadableRecord as error:
            metrics.unreadable.inc()
            log.error("%s It is passed over: %r", error, error.__cause__, extra={"job_id": turn.job_id})
        return None

    def _bring_to_its_end(self, job: Job) -> None:
        algorithm = job.params.algorithm
        log.info("%s begins", algorithm)
        metrics.attempts.labels(algorithm).inc()
        seconds = self.settings.timeout_of(job.known_params)
        try:
            with self.watched(job, seconds):
                self._run(job, seconds)
        except RedisError:
            # The record cannot be written now, so nothing is: the lease ends, and the sweep gives the job to a worker.
            log.exception("Redis is out of reach; the job will be taken up again")

    def _run(self, job: Job, seconds: float) -> None:
        """Compute, and say how it ended. Raises RedisError when that cannot be written down."""
        settings, reporter = self.settings, Reporter(self.store, job, seconds)
        try:
            data = self.blobs.read(job.upload.key)
            mask = self.blobs.read(job.mask.key) if job.mask is not None else None
            with reporter:
                outcome = pipeline.run(
                    data,
                    job.known_params,
                    reporter.report,
                    mask=mask,
                    limits=settings.image_limits,
                    threads=settings.threads,
                )
            self._save(job, outcome)
        except Stopped:
            if reporter.timed_out:
                self._fail(job, self._timeout(job))
            else:
                metrics.stopped.inc()
                log.warning("the claim is not valid any more; stopped")
        except HuemillError as error:
            self._fail(job, JobError(code=error.code, message=str(error), retryable=error.retryable))
        except RedisError:
            raise
        except MemoryError:
            message = (
                "The job needed more memory than the worker has. Send a smaller image, ask for fewer outputs, or take "
                "another algorithm."
            )
            self._fail(job, JobError(code=Loss.OUT_OF_MEMORY, message=message))
        except Exception:
            log.exception("a defect of huemill")
            message = "huemill failed on this job by a defect of its own; its log has the details."
            self._fail(job, JobError(code=Internal.code, message=message))

    def _timeout(self, job: Job) -> JobError:
        params = job.known_params
        return given_up(Loss.TIMEOUT, job.attempt, self.settings.limit_of(params), params.timeout)

    def _save(self, job: Job, outcome: pipeline.Outcome) -> None:
        """Write the files, then end the job; a stale claim's files are taken away again."""
        prefix = attempt_prefix(job.id, job.claim)
        files = {**outcome.files, RESULT_FILE: dump_result(outcome.result)}
        self.blobs.write_all({prefix + name: data for name, data in files.items()})
        if self.store.succeed(job, prefix):
            _count(job, outcome.result)
            return
        metrics.refused.inc()
        log.warning("a late result is refused")
        # Where the record is gone, or tells of this very attempt, the files may be a result all the same: of who shares
        # it, or of another worker's attempt of the same number, where the store has forgotten this one. Those that are
        # nobody's are collected.
        if self.store.has_another(job, prefix):
            for name in files:
                self.blobs.delete(prefix + name)

    def _fail(self, job: Job, error: JobError) -> None:
        log.info("failed with %s: %s", error.code, error.message)
        if self.store.fail(job, error):
            metrics.ended.labels(JobStatus.FAILED, error.code).inc()
        else:
            metrics.refused.inc()


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
