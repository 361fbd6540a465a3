"""A worker with a defect in a decoder, in a process of its own: its metrics and the gateway's share their names."""

import io
import logging
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext
from multiprocessing import get_context

from shared.jobs.routing import FAST
from shared.jobs.worker import WorkerStore
from shared.runtime import connections
from shared.runtime.settings import Settings
from shared.storage.sync_blobs import SyncBlobs


def run_with_a_defect(settings: Settings, job_id: str) -> str:
    """Run the job on a worker whose PNG decoder raises TypeError; what it logs."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_run, settings, job_id).result()


def _run(settings: Settings, job_id: str) -> str:
    from worker.decoding.codecs import CODECS
    from worker.tasks import JobRunner

    def broken(data: bytes, header: object) -> None:
        raise TypeError("a slip of ours")

    CODECS["PNG"] = broken  # type: ignore[assignment]
    told = io.StringIO()
    logging.getLogger("huemill").addHandler(logging.StreamHandler(told))
    store = WorkerStore(
        connections.retrying(settings),
        connections.failing_fast(settings),
        "mill:1/3",
        lease_seconds=settings.lease_seconds,
        result_ttl_seconds=settings.result_ttl_seconds,
    )
    JobRunner(store, SyncBlobs(settings.blob_url), settings, lambda job, seconds: nullcontext()).run(FAST, job_id)
    return told.getvalue()
