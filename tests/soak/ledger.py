"""What a soak saw: jobs, faults, and what must not be."""

import math
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from shared.jobs.worker_names import public_name, worker_name

# What lies between a fault and its note, and between the clocks of two processes.
SLACK_SECONDS = 1.0
# What a store may still be about to send to its replica when it is lost.
ON_THE_WAY_SECONDS = 3.0


@dataclass
class Fault:
    """Something is done to workers, or to others; seconds since 1970."""

    kind: str
    workers: set[str]
    """As clients are told of them."""
    begin: float
    end: float = math.inf


@dataclass
class Failover:
    """One store takes over from another; seconds since 1970. What the first had not sent on by then is lost."""

    begin: float
    end: float = math.inf
    """When jobs that came afterwards were done again."""


@dataclass
class Ledger:
    """Written by all threads."""

    begin: float = field(default_factory=time.monotonic)
    counts: Counter[str] = field(default_factory=Counter)
    states: Counter[str] = field(default_factory=Counter)
    codes: Counter[str] = field(default_factory=Counter)
    attempts: Counter[int] = field(default_factory=Counter)
    losses: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    faults: list[Fault] = field(default_factory=list)
    failovers: list[Failover] = field(default_factory=list)
    newest: float = 0.0
    """When the newest job that has ended was accepted."""
    seconds_to_end: list[float] = field(default_factory=list)
    seconds_to_refuse: list[float] = field(default_factory=list)
    seconds_to_tell: float = 0.0
    """From the end of all jobs until all were told of."""
    findings: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, what: str, number: int = 1) -> None:
        with self._lock:
            self.counts[what] += number

    def refuse(self, why: str, seconds: float) -> None:
        with self._lock:
            self.refused[why] += 1
            self.seconds_to_refuse.append(seconds)

    def find(self, what: str) -> None:
        """Something that must not be."""
        with self._lock:
            self.findings.append(f"{self.age():6.1f} s: {what}")

    def end(self, job: dict[str, Any]) -> None:
        """A job ended."""
        with self._lock:
            self.states[job["status"]] += 1
            self.attempts[len(job["attempts"])] += 1
            self.losses.update(attempt["reason"] for attempt in job["attempts"] if attempt["reason"])
            if job["error"]:
                self.codes[job["error"]["code"]] += 1
            self.newest = max(self.newest, _seconds(job["created_at"]))
            self.seconds_to_end.append(_seconds(job["finished_at"]) - _seconds(job["created_at"]))

    @contextmanager
    def fault(self, kind: str, *workers: int) -> Iterator[None]:
        """What is done inside is a fault, and explains what becomes of a job from its first moment on.

        `workers`: the process ids of the workers that it is done to, or to whose children.
        """
        names = {public_name(worker_name(pid)) for pid in workers}
        fault = Fault(kind, names, time.time())
        with self._lock:
            self.faults.append(fault)
        try:
            yield
        finally:
            fault.end = time.time()

    @contextmanager
    def failover(self) -> Iterator[Failover]:
        """What is done inside has a replica take over, until jobs are done again."""
        failover = Failover(time.time())
        with self._lock:
            self.failovers.append(failover)
        try:
            yield failover
        finally:
            failover.end = time.time()

    def disturbed(self, since: float) -> bool:
        """Whether what was true at that moment may have been forgotten by now."""
        with self._lock:
            return any(failover.end + SLACK_SECONDS >= since - ON_THE_WAY_SECONDS for failover in self.failovers)

    def may_forget(self, accepted: float) -> bool:
        """Whether a job that was accepted at that moment may be known to nobody."""
        with self._lock:
            return any(
                failover.begin - ON_THE_WAY_SECONDS <= accepted <= failover.end + SLACK_SECONDS
                for failover in self.failovers
            )

    def age(self) -> float:
        return time.monotonic() - self.begin

    def explains(self, attempt: dict[str, Any]) -> bool:
        """Whether a fault of the attempt's own worker lies between its begin and its end."""
        begin, end = _seconds(attempt["started_at"]), _seconds(attempt["ended_at"])
        with self._lock:
            return any(
                attempt["worker"] in fault.workers
                and fault.begin - SLACK_SECONDS <= end
                and fault.end + SLACK_SECONDS >= begin
                for fault in self.faults
            )

    def table(self) -> str:
        """All of it, for people."""
        ends = sorted(self.seconds_to_end) or [0.0]
        ended = len(self.seconds_to_end)
        middle, nearly_all = ends[ended // 2], ends[int(ended * 0.99)]
        refusals = self.seconds_to_refuse or [0.0]
        kinds = Counter(fault.kind for fault in self.faults)
        rows = {
            "posts accepted, ended": f"{self.counts['accepted']}, {ended}",
            "jobs by state": _words(self.states),
            "errors by code": _words(self.codes),
            "jobs by number of attempts": _words(self.attempts),
            "attempts lost, by reason": _words(self.losses),
            "posts refused": _words(self.refused),
            "slowest refusal": f"{max(refusals):.1f} s",
            "faults by kind": _words(kinds),
            "how clients followed": _words(self.counts),
            "seconds to end: median, 99 %, most": f"{middle:.2f}, {nearly_all:.2f}, {ends[-1]:.2f}",
            "until all was told": f"{self.seconds_to_tell:.1f} s",
            "jobs a second": f"{ended / self.age():.1f}",
        }
        if self.failovers:
            took = sorted(failover.end - failover.begin for failover in self.failovers)
            rows["failovers, worked on again after"] = f"{len(took)}, {', '.join(f'{each:.1f} s' for each in took)}"
        return "\n".join(f"{name:36} {text}" for name, text in rows.items())


def _words(counts: Counter[Any]) -> str:
    return (
        ", ".join(f"{name} {count}" for name, count in sorted(counts.items(), key=lambda item: str(item[0]))) or "none"
    )


def _seconds(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()
