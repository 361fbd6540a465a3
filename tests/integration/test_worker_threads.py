"""HUEMILL_THREADS in a worker as it runs."""

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support.calls import post
from tests.support.images import SMALL_PNG, encoded, noise
from tests.support.jobs import now_of, running_job
from tests.support.processes import Service, StoreServer, children_of

# Some seconds, most of them in kernels that run on all threads that there are.
LARGE = encoded(noise(700, 700))
HDBSCAN = {"algorithm": "hdbscan", "min_cluster_size": 50, "min_samples": 20}
# Linux takes less to put an ended thread away, and so does the reporter's timer, which computes nothing.
STAYS_SECONDS = 0.1


def threads_of(pid: int) -> set[str]:
    """All but those of the object store, which come and go with files and compute nothing."""
    found = set()
    for task in Path(f"/proc/{pid}/task").iterdir():
        with suppress(FileNotFoundError, ProcessLookupError):  # it has just ended
            if not (task / "comm").read_text().startswith("tokio"):
                found.add(task.name)
    return found


@pytest.mark.parametrize("threads", [1, 2])
def test_a_worker_computes_on_the_threads_that_the_operator_allows(
    threads: int, own_store: Callable[..., StoreServer], own_service: Callable[..., Service]
) -> None:
    """The child at the job has that many threads more than between jobs, however many processors there are."""
    service = own_service(own_store(), threads=threads).start_gateway()
    service.start_worker()
    service.wait_for_workers()
    (child,) = children_of(service.workers[0].pid)
    with service.client() as client:
        # What a child has once for all begins with its first job.
        assert post(client, SMALL_PNG, wait=30, n_clusters=2).json()["status"] == "succeeded"
        before, most = threads_of(child), 0
        job = running_job(client, LARGE, **HDBSCAN)
        while now_of(client, job)["status"] == "running":
            first = threads_of(child)
            time.sleep(STAYS_SECONDS)
            most = max(most, len(first & threads_of(child) - before))
        assert now_of(client, job)["status"] == "succeeded"
    assert most == threads
