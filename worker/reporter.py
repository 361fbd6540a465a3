"""How far a running job is: told to its record, which answers whether to go on."""

import logging
import time

from redis.exceptions import RedisError

from shared.jobs.model import Job, Progress
from shared.jobs.worker import WorkerStore

# A progress bar moves smoothly enough by this, and a stage does not flood the event stream.
REPORT_SECONDS = 0.1
# A new stage is told sooner; but a job of milliseconds says nothing but its end.
STAGE_SECONDS = 0.02
# After a report that did not get through. The lease is kept by the guard.
SILENT_SECONDS = 2.0

log = logging.getLogger("huemill.worker")


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
