"""The guard: a thread of the worker's main process that watches the children at their jobs.

A child says through a pipe which job it runs and until when. The guard keeps the job's lease, whatever the child is
busy with, and kills the child when the job holds on to its time, its memory, or a claim that is not valid any more.
It then tells the record why the attempt is over; what follows is the sweep's decision (see `api.upkeep.sweeper`).

A kill is the last resort: a job that reports its progress stops by itself before.
"""

import logging
import os
import select
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import orjson
from redis.exceptions import RedisError

from shared.jobs.guard import GuardStore
from shared.jobs.model import Job, Loss
from shared.jobs.moves import Hold, hold_of
from shared.runtime.logs import bound
from shared.runtime.settings import Settings
from worker import memory

TICK_SECONDS = 0.1
# How soon a job whose claim is not valid any more (cancelled, given to another) is noticed at the latest.
RENEW_SECONDS = 1.0
# What a job that was told to stop gets to do so; one that reports needs a few tenths of a second.
STOP_SECONDS = 2.0
# From the end of the grace time to that of the worker's main process.
EXIT_SECONDS = 5.0
# A note is written whole or not at all (POSIX: PIPE_BUF).
NOTE_BYTES = 512

log = logging.getLogger("huemill.worker")


@dataclass
class _Run:
    """A child at a job."""

    pid: int
    pidfd: int
    hold: Hold
    kill_at: float
    renew_at: float
    oom_kills: int
    """How often the kernel had killed for want of memory when the job began."""
    loss: Loss | None = None
    refused: bool = False
    dead: bool = False

    @property
    def job_id(self) -> str:
        return self.hold.job_id


class Guard:
    """Made before the children are forked, started after it; children inherit the pipe."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._inlet, self._outlet = os.pipe()
        self._most_bytes = settings.max_memory_bytes or memory.default_limit()
        self._runs: dict[int, _Run] = {}
        self._stop_at: float | None = None
        self._unfinished: bytes = b""
        self._oom_kills = memory.oom_kills()

    def start(self, store: GuardStore) -> None:
        self._store = store
        threading.Thread(target=self._watch, name="guard", daemon=True).start()

    def drain(self) -> None:
        """From now on jobs have `drain_seconds` to end. Safe in a signal handler."""
        self._stop_at = time.monotonic() + self._settings.drain_seconds

    @contextmanager
    def running(self, job: Job, seconds: float) -> Iterator[None]:
        """In a child: the job runs here, and is over in `seconds`, or told to stop."""
        ends = time.monotonic() + seconds  # a clock that all processes share
        self._note({"pid": os.getpid(), "hold": tuple(hold_of(job)), "ends": ends})
        try:
            yield
        finally:
            self._note({"pid": os.getpid()})

    def _note(self, note: dict[str, object]) -> None:
        line = orjson.dumps(note) + b"\n"
        assert len(line) <= NOTE_BYTES
        os.write(self._outlet, line)

    def _watch(self) -> None:
        try:
            while not self._late():
                time.sleep(TICK_SECONDS)
                self._listen()
                self._check_all()
            log.warning("the stop takes too long, as it can without Redis; this worker ends now")
        except BaseException:
            # No job may run unguarded. The children end with this process, and what they ran is taken up again.
            log.exception("the guard failed; this worker ends")
            raise
        finally:
            os._exit(1)

    def _late(self) -> bool:
        """Whether this process should have ended by now: its jobs had their time, and there is nothing to wait for."""
        return self._stop_at is not None and time.monotonic() > self._stop_at + EXIT_SECONDS

    def _listen(self) -> None:
        """Read what the children have noted since: a job that is over by then took nobody's time here."""
        if not select.select([self._inlet], [], [], 0)[0]:
            return
        *lines, self._unfinished = (self._unfinished + os.read(self._inlet, 2**16)).split(b"\n")
        notes = map(orjson.loads, lines)
        for pid, note in {note["pid"]: note for note in notes}.items():  # the last of each
            self._forget(pid)
            if "hold" in note:
                self._begin(pid, Hold(*note["hold"]), note["ends"])

    def _begin(self, pid: int, hold: Hold, ends: float) -> None:
        before, self._oom_kills = self._oom_kills, memory.oom_kills()
        try:
            pidfd = os.pidfd_open(pid)
        except ProcessLookupError:  # gone since it wrote
            self._tell_loss(hold, self._cause(before) or Loss.WORKER_LOST)
            return
        # Of one that lives the kernel has killed nobody yet.
        oom_kills = before if _is_over(pidfd) else self._oom_kills
        kill_at = ends + self._settings.timeout_grace_seconds
        self._runs[pid] = _Run(pid, pidfd, hold, kill_at, time.monotonic() + self._renew_seconds, oom_kills)

    @property
    def _renew_seconds(self) -> float:
        return min(self._settings.lease_seconds / 3, RENEW_SECONDS)

    def _forget(self, pid: int) -> None:
        run = self._runs.pop(pid, None)
        if run is not None:
            os.close(run.pidfd)

    def _check_all(self) -> None:
        for run in list(self._runs.values()):
            if self._goes_on(run):
                with bound(job_id=run.job_id):
                    self._check(run)

    def _goes_on(self, run: _Run) -> bool:
        """Whether that is what its child is still at, for all that was heard."""
        return self._runs.get(run.pid) is run

    def _check(self, run: _Run) -> None:
        now = time.monotonic()
        if not run.dead and _is_over(run.pidfd):
            run.dead, run.loss = True, run.loss or self._cause(run.oom_kills)
        if run.dead:
            if run.refused or self._tell_loss(run.hold, run.loss or Loss.WORKER_LOST):
                self._forget(run.pid)
        elif now > run.kill_at:
            # A claim that was refused: the record has its end already, and nothing is to be told.
            self._kill(run, run.loss or Loss.TIMEOUT)
        elif memory.resident(run.pid) > self._most_bytes:
            self._kill(run, Loss.OUT_OF_MEMORY)
        elif self._stop_at is not None and now > self._stop_at:
            self._kill(run, Loss.WORKER_STOPPED)
        elif now > run.renew_at:
            self._renew(run, now)

    def _renew(self, run: _Run, now: float) -> None:
        run.renew_at = now + self._renew_seconds
        try:
            if run.refused or self._store.renew(run.hold):
                return
        except RedisError as error:
            log.warning("the lease cannot be renewed: %s", error)
            return
        run.refused = True
        run.kill_at = min(run.kill_at, now + STOP_SECONDS)

    def _kill(self, run: _Run, loss: Loss) -> None:
        self._listen()  # it may be at another job by now: Redis may have kept this thread waiting
        if not self._goes_on(run):
            return
        run.loss = loss
        log.warning("process %d is killed: %s", run.pid, "stale" if run.refused else loss)
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(run.pidfd, signal.SIGKILL)

    def _cause(self, oom_kills: int) -> Loss | None:
        """Why a child is gone, but for our own hand: by the kernel's, for want of memory; by a stop of all; or None,
        where nobody knows. `oom_kills`: how often the kernel had killed before.
        """
        if memory.oom_kills() > oom_kills:
            return Loss.OUT_OF_MEMORY
        return Loss.WORKER_STOPPED if self._stop_at is not None else None

    def _tell_loss(self, hold: Hold, loss: Loss) -> bool:
        """False if it must be told again. Nothing happens if the claim is not valid any more."""
        try:
            self._store.lose(hold, loss)
        except RedisError as error:
            log.warning("%s cannot be told: %s", loss, error, extra={"job_id": hold.job_id})
            return False
        return True


def _is_over(pidfd: int) -> bool:
    """Whether the process has ended."""
    return bool(select.select([pidfd], [], [], 0)[0])
