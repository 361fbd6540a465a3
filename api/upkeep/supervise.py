"""The supervisor: keeps what runs in the background running, whatever it raises, and knows what stands still."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from api import metrics
from api.upkeep.failures import Failures

# After a failure a task is tried again soon, and after each further one twice as late.
FIRST_PAUSE = 1.0
LONGEST_PAUSE = 5.0
# A task that has not come to its end for so long after it should have begun stands still.
STILL_SECONDS = 60.0


@dataclass(frozen=True)
class Task:
    """Something to be done again and again for as long as the gateway runs."""

    name: str
    run: Callable[[], Awaitable[object]]
    every: float
    """Seconds from its end to its next beginning."""
    first_after: float = 0.0
    """Seconds from the gateway's start to its first beginning."""
    vital: bool = False
    """Whether a gateway without it does not keep what it promises."""


class Supervisor:
    """Runs its tasks side by side in the event loop, each for ever."""

    def __init__(self, tasks: Iterable[Task], failures: Failures) -> None:
        self._tasks, self._failures = list(tasks), failures
        self._due: dict[str, float] = {}
        self._running: set[asyncio.Task[None]] = set()
        self._stopping = False

    def start(self) -> None:
        """Begin all tasks."""
        for task in self._tasks:
            self._due[task.name] = time.monotonic() + task.first_after
            self._running.add(asyncio.create_task(self._keep_running(task), name=task.name))

    async def stop(self) -> None:
        """End all tasks, in the middle of what they do."""
        self._stopping = True
        while self._running:
            for running in self._running:
                running.cancel()  # more than once: redis-py may swallow it (see Streams.stop)
            _, self._running = await asyncio.wait(self._running, timeout=0.2)

    def standing_still(self) -> list[Task]:
        """The tasks that have not come to an end for long, be it that they hang or that they fail each time."""
        now = time.monotonic()
        return [task for task in self._tasks if now > self._due[task.name] + STILL_SECONDS]

    async def _keep_running(self, task: Task) -> None:
        await asyncio.sleep(task.first_after)
        failures = 0
        while True:
            if await self._succeeds(task):
                failures = 0
                self._due[task.name] = time.monotonic() + task.every
                metrics.background_completed.labels(task.name).set_to_current_time()
                await asyncio.sleep(task.every)
            else:
                await asyncio.sleep(pause_after(failures, task.every))
                failures += 1

    async def _succeeds(self, task: Task) -> bool:
        try:
            with self._failures.contained(task.name) as raised:
                await task.run()
        except asyncio.CancelledError as error:
            if self._stopping:
                raise
            self._failures.record(task.name, error)  # nobody meant the task: something that it waited for was ended
            return False
        return not raised


def pause_after(failures: int, every: float) -> float:
    """Seconds until a task that failed, after so many failures before, is tried again.

    Never sooner than it would have been without, if that is sooner than the first pause.
    """
    return min(min(FIRST_PAUSE, every) * 2.0**failures, max(LONGEST_PAUSE, every))
