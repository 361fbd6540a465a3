"""The guard of a worker's children, without Redis: what it does to a process."""

import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from shared.jobs.moves import Hold
from shared.runtime.settings import Settings
from worker.guard import Guard


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    """A process that does nothing."""
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as process:
        yield process
        process.kill()


def noted(guard: Guard, pid: int, job_id: str, seconds: float) -> None:
    """What a child writes when it begins a job that has so many seconds."""
    hold = Hold(job_id, 1, "huemill.fast")
    guard._note({"pid": pid, "hold": tuple(hold), "ends": time.monotonic() + seconds})


@pytest.mark.parametrize("next_job", [False, True])
def test_a_child_is_killed_for_the_job_that_it_is_at(child: subprocess.Popen[bytes], next_job: bool) -> None:
    """Its time is over, and the guard was kept waiting: if it has begun another job meanwhile it lives, else not."""
    guard = Guard(Settings(timeout_grace_seconds=0.01))
    noted(guard, child.pid, "first", -1)
    guard._listen()
    if next_job:
        noted(guard, child.pid, "second", 60)
    guard._check_all()
    try:
        assert child.wait(1) == -9
        assert not next_job
    except subprocess.TimeoutExpired:
        assert next_job
