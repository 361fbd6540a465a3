"""How far a running job is: told to its record, which answers whether to go on."""

import logging
import threading
import time
from typing import Self

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
    """Tells a running job's progress, and learns whether to go on. Its threads end with its `with` block."""

    def __init__(self, store: WorkerStore, job: Job, seconds: float) -> None:
        self._store, self._job = store, job
        self._ends = time.monotonic() + seconds
        self._stage, self._quiet_since, self._quiet_for = "", time.monotonic(), REPORT_SECONDS
        self._refused = False
        self._lock = threading.Lock()
        self._held: tuple[str, float] | None = None
        self._later: threading.Timer | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._later is not None:
            self._later.cancel()

    @property
    def timed_out(self) -> bool:
        return time.monotonic() > self._ends

    def report(self, stage: str, fraction: float) -> bool:
        """Tell the progress; False once the time is over or the claim no longer ours: the work is for nothing."""
        if self._refused or self.timed_out:
            return False
        with self._lock:
            news = stage != self._stage
            quiet_for = min(self._quiet_for, STAGE_SECONDS) if news else self._quiet_for
            if time.monotonic() - self._quiet_since >= quiet_for:
                self._tell(stage, fraction)
            elif news:
                self._hold(stage, fraction)
            return not self._refused

    def _hold(self, stage: str, fraction: float) -> None:
        """Tell it in a moment, unless the job has ended by then: what follows may not speak for a long time."""
        self._held = stage, fraction
        if self._later is None:
            self._later = threading.Timer(STAGE_SECONDS, self._tell_held)
            self._later.daemon = True
            self._later.start()

    def _tell_held(self) -> None:
        with self._lock:
            self._later = None
            if self._held is not None:
                self._tell(*self._held)

    def _tell(self, stage: str, fraction: float) -> None:
        self._stage, self._quiet_for, self._held = stage, REPORT_SECONDS, None
        try:
            self._refused = not self._store.report(self._job, Progress(stage=stage, fraction=round(fraction, 4)))
        except RedisError as error:
            log.warning("the progress cannot be told: %s", error)
            self._quiet_for = SILENT_SECONDS
        self._quiet_since = time.monotonic()
