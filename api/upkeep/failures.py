"""What fails in the background: counted each time, logged with its traceback once.

A sweep looks again every second. What it cannot do would else fill the log with the same pages.
"""

import logging
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

from api import metrics
from shared.contract.errors import HuemillError, Unavailable

# What is remembered as told. Beyond, all of it may be told once more.
MOST_REMEMBERED = 10_000

log = logging.getLogger("huemill.upkeep")


class Failures:
    """Remembers what it has told."""

    def __init__(self) -> None:
        self._told: set[object] = set()

    @contextmanager
    def contained(self, task: str, about: str = "") -> Iterator[list[Exception]]:
        """Within, whatever is raised is told and goes no further; what it was is in the list afterwards.

        But where Redis is away, all of the task is: `Unavailable` about one thing goes on to who asked for all.
        """
        raised: list[Exception] = []
        try:
            yield raised
        except Exception as error:
            if about and isinstance(error, Unavailable):
                raise
            self.record(task, error, about)
            raised.append(error)

    def record(self, task: str, error: BaseException, about: str = "") -> None:
        """What `task` was to do, all of it or `about` one thing, has failed."""
        metrics.background_failures.labels(task).inc()
        # A defect, unlike trouble with Redis or the storage, is in our own code: where, is worth a page.
        defect = not isinstance(error, HuemillError) and self._is_new((task, about, type(error), _place(error)))
        what = f"{about}: {_said(error)}" if about else _said(error)
        log.log(logging.ERROR if defect else logging.WARNING, "%s: %s", task, what, exc_info=error if defect else None)

    def unreadable(self, kind: str, name: str, error: BaseException) -> None:
        """A record cannot be read, and is passed over: counted and logged once, however often it is met."""
        if self._is_new((kind, name)):
            metrics.unreadable.labels(kind).inc()
            log.error("the record of the %s %s cannot be read, and is passed over: %s", kind, name, _said(error))

    def _is_new(self, what: object) -> bool:
        if what in self._told:
            return False
        if len(self._told) >= MOST_REMEMBERED:
            self._told.clear()
        self._told.add(what)
        return True


def _said(error: BaseException) -> str:
    """The error and what it was made from, in a line."""
    chain = [error] if error.__cause__ is None else [error, error.__cause__]
    return ", because of ".join(" ".join(repr(each).split())[:300] for each in chain)


def _place(error: BaseException) -> tuple[str, int]:
    """Where it was raised."""
    frames = traceback.extract_tb(error.__traceback__)
    return (frames[-1].filename, frames[-1].lineno or 0) if frames else ("", 0)
