"""The one task: claim, load, run, save, tell."""

import logging
import threading
import time
from types import TracebackType

from redis.exceptions import RedisError

from shared.blobs import Blobs, result_prefix
from shared.errors import HuemillError, Internal
from shared.jobs import Job, JobError, Progress
from shared.results import RESULT_FILE
from shared.settings import Settings
from shared.store import WorkerStore
from worker import pipeline
from worker.progress import Stopped

# A progress bar moves smoothly enough by this, and a fast stage does not flood the event stream.
REPORT_SECONDS = 0.1

log = logging.getLogger("huemill.worker")


class Lease:
    """Keeps a claimed job's lease while it runs, also through stages that report nothing."""

    def __init__(self, store: WorkerStore, job: Job, seconds: float) -> None:
        self._store, self._job, self._every = store, job, seconds / 3
        self._told_stage, self._told_at = "", 0.0
        self._done = threading.Event()
        self._lost = threading.Event()
        self._thread = threading.Thread(target=self._keep, name=f"lease-{job.id}", daemon=True)

    def __enter__(self) -> "Lease":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        self._thread.join()

    def report(self, stage: str, fraction: float) -> bool:
        """Tell the progress; False once the claim is no longer ours, and the work is for nothing."""
        if stage == self._told_stage and time.monotonic() - self._told_at < REPORT_SECONDS:
            return not self._lost.is_set()
        self._told_stage, self._told_at = stage, time.monotonic()
        if not self._store.report(self._job, Progress(stage=stage, fraction=round(fraction, 4))):
            self._lost.set()
        return not self._lost.is_set()

    def _keep(self) -> None:
        while not self._done.wait(self._every):
            try:
                if not self._store.renew(self._job):
                    self._lost.set()
                    return
            except RedisError as error:
                log.warning("job %s: the lease cannot be renewed: %s", self._job.id, error)


def run_job(job_id: str, store: WorkerStore, blobs: Blobs, settings: Settings) -> None:
    """Run the job if it is still to be run, and bring it to its end."""
    job = store.claim(job_id)
    if job is None:
        log.info("job %s is gone, ended or taken: nothing to do", job_id)
        return
    log.info("job %s attempt %d: %s begins", job.id, job.attempt, job.params.algorithm)
    try:
        with Lease(store, job, settings.lease_seconds) as lease:
            data = blobs.get(job.upload.key)
            mask = blobs.get(job.mask.key) if job.mask is not None else None
            outcome = pipeline.run(
                data, job.params, lease.report, mask=mask, max_pixels=settings.max_pixels, threads=settings.threads
            )
            ended = _save(job, outcome, store, blobs)
    except Stopped:
        log.warning("job %s attempt %d: the claim is not valid any more; stopped", job.id, job.attempt)
        return
    except HuemillError as error:
        ended = _fail(job, error.code, str(error), error.retryable, store)
    except RedisError:
        # The record cannot be written now, so nothing is: the lease ends, and the sweep gives the job to a worker.
        log.exception("job %s attempt %d: Redis is out of reach; the job will be taken up again", job.id, job.attempt)
        return
    except MemoryError:
        message = "The job needed more memory than the worker has. Send a smaller image or another algorithm."
        ended = _fail(job, "out_of_memory", message, False, store)
    except Exception:
        log.exception("job %s attempt %d: a defect of huemill", job.id, job.attempt)
        message = "huemill failed on this job by a defect of its own; its log has the details."
        ended = _fail(job, Internal.code, message, False, store)
    if ended:
        for upload in job.uploads:
            blobs.remove(upload.key)


def _save(job: Job, outcome: pipeline.Outcome, store: WorkerStore, blobs: Blobs) -> bool:
    """Write the files, then end the job; a stale claim's files are taken away again."""
    prefix = f"{result_prefix(job.id)}{job.claim}/"
    files = {**outcome.files, RESULT_FILE: outcome.result.model_dump_json().encode()}
    for name, data in files.items():
        blobs.put(prefix + name, data)
    if store.succeed(job, prefix):
        log.info("job %s attempt %d: succeeded %s", job.id, job.attempt, outcome.result.timings_ms)
        return True
    log.warning("job %s attempt %d: a late result is refused", job.id, job.attempt)
    for name in files:
        blobs.remove(prefix + name)
    return False


def _fail(job: Job, code: str, message: str, retryable: bool, store: WorkerStore) -> bool:
    log.info("job %s attempt %d: failed with %s: %s", job.id, job.attempt, code, message)
    return store.fail(job, JobError(code=code, message=message, retryable=retryable))
