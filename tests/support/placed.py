"""A record of whatever version in a store, and what becomes of it there."""

from pathlib import Path

from shared.jobs.keys import DUE
from shared.jobs.model import Job
from shared.storage.sync_blobs import SyncBlobs
from tests.support.bench import Bench
from tests.support.records import (
    ID,
    RESULT,
    UPLOAD,
    Hash,
    place,
)


def placed(bench: Bench, fields: Hash) -> None:
    """The job is there and due, with its upload, and its result where it has one."""
    blobs = SyncBlobs(bench.settings.blob_url)
    blobs.write(UPLOAD, b"png")
    if b"result_key" in fields:
        blobs.write(RESULT, b"{}")
    with bench.server.client() as client:
        place(client, fields)


def come_due(bench: Bench) -> None:
    with bench.server.client() as client:
        client.zadd(DUE, {ID: 1})


def found(bench: Bench) -> Job:
    job = bench.ask(lambda store: store.get(ID))
    assert job is not None
    return job


def files(bench: Bench) -> set[str]:
    folder = Path(bench.settings.blob_url.removeprefix("file://"))
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def due_in(bench: Bench, job_id: str = ID) -> float:
    with bench.server.client() as client:
        return float(client.zscore(DUE, job_id) - client.time()[0])
