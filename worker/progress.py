"""Running kernels on threads while somebody is told how far they are and may say stop.

The core knows nothing of jobs: it is handed a `Report`, calls it with a fraction about ten times a second, and
raises `Stopped` when the answer is no.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import numpy as np

from worker.kernels import DONE, STOP

Report = Callable[[float], bool]
"""Takes the finished fraction, 0..1; answers whether to go on."""

POLL_SECONDS = 0.1


class Stopped(Exception):
    """The report asked to stop; nothing was computed."""


def available_threads() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0))


def run_here(kernel: Callable[..., Any], calls: Sequence[tuple[Any, ...]]) -> list[Any]:
    """`Meter.run_all` on the calling thread: for work that is over before another thread would have begun."""
    progress = np.zeros(2, np.int64)
    return [kernel(*call, progress) for call in calls]


class Meter:
    """Runs kernels on `threads` threads and maps their progress into the fraction [`low`, `high`] of the whole."""

    def __init__(self, report: Report | None = None, threads: int | None = None) -> None:
        self.threads = threads or available_threads()
        self._report = report
        self._low, self._high = 0.0, 1.0

    @contextmanager
    def part(self, low: float, high: float) -> Iterator["Meter"]:
        """A meter whose 0..1 is this one's `low`..`high`; tells the end of the part on leaving it."""
        inner = self.within(low, high)
        yield inner
        inner.tell(1.0)

    def within(self, low: float, high: float) -> "Meter":
        """The same, for parts too short to tell the end of each."""
        inner = Meter(self._report, self.threads)
        width = self._high - self._low
        inner._low, inner._high = self._low + low * width, self._low + high * width
        return inner

    def tell(self, fraction: float) -> None:
        """Report a fraction of this meter's range; raises Stopped if told so."""
        if self._report is None:
            return
        fraction = min(max(fraction, 0.0), 1.0)
        if not self._report(self._low + fraction * (self._high - self._low)):
            raise Stopped

    def run(self, kernel: Callable[..., Any], *args: Any, work: int) -> Any:
        """`kernel(*args, progress)` on a thread of its own; `work` is what `progress[0]` reaches at the end."""
        return self.run_all(kernel, [args], work)[0]

    def run_ranges(self, kernel: Callable[..., Any], size: int, *args: Any, work: int | None = None) -> list[Any]:
        """`kernel(begin, end, *args, progress)` over a split of range(size), a piece a thread.

        Kernels must write to places of their own: then the number of threads changes no result.
        """
        pieces = min(self.threads, max(size, 1))
        bounds = [size * piece // pieces for piece in range(pieces + 1)]
        calls = [(begin, end, *args) for begin, end in pairwise(bounds)]
        return self.run_all(kernel, calls, size if work is None else work)

    def run_all(self, kernel: Callable[..., Any], calls: Sequence[tuple[Any, ...]], work: int) -> list[Any]:
        """`kernel(*call, progress)` for each call, at once; the calls' progress adds up to `work`."""
        # A cache line each, so that threads do not write to their neighbours' counters.
        counters = np.zeros((len(calls), 8), np.int64)
        with ThreadPoolExecutor(min(self.threads, len(calls))) as pool:
            futures = [pool.submit(kernel, *call, counters[i]) for i, call in enumerate(calls)]
            pending = set(futures)
            try:
                while pending:
                    done, pending = wait(pending, POLL_SECONDS, return_when=FIRST_EXCEPTION)
                    for future in done:
                        future.result()
                    if pending:
                        self.tell(float(counters[:, DONE].sum()) / max(work, 1))
            except BaseException:
                counters[:, STOP] = 1
                for future in pending:
                    future.cancel()  # those that have not begun
                raise
        return [future.result() for future in futures]
