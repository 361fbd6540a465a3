"""Records that nobody can read: they are passed over, and stand in nobody's way."""

import logging

import pytest
from prometheus_client import REGISTRY

from shared.contract.errors import UnreadableRecord
from shared.jobs.keys import DUE, events_key, queued_key
from shared.jobs.model import JobStatus, Loss
from shared.jobs.moves import Hold
from shared.jobs.routing import FAST
from shared.storage.sync_blobs import SyncBlobs
from tests.support.bench import Bench, followed
from tests.support.gateway import gateway
from tests.support.placed import come_due, due_in, files
from tests.support.records import (
    BROKEN,
    ID,
    UPLOAD,
    WRONG_TYPES,
    place,
    place_wrong_type,
)


def break_job(bench: Bench, how: str) -> None:
    SyncBlobs(bench.settings.blob_url).write(UPLOAD, b"png")
    with bench.server.client() as client:
        if how in WRONG_TYPES:
            place_wrong_type(client, how)
        else:
            place(client, BROKEN[how])


def unreadable(kind: str = "job") -> float:
    return REGISTRY.get_sample_value("huemill_unreadable_records_total", {"kind": kind}) or 0.0


@pytest.mark.parametrize("how", [*BROKEN, *WRONG_TYPES])
def test_a_broken_record_stands_in_nobodys_way(bench: Bench, how: str, caplog: pytest.LogCaptureFixture) -> None:
    """It is passed over, counted once and logged once; the job behind it is rescued, its files are left alone."""
    break_job(bench, how)
    job, lost = bench.claimed(), "uploads/" + "9" * 32
    bench.let_time_come(job)
    before = unreadable()
    with caplog.at_level(logging.WARNING), gateway(bench.settings) as parts:
        for _ in range(3):
            come_due(bench)
            parts.sweep()
    assert bench.status(job) is JobStatus.QUEUED
    assert unreadable() == before + 1
    assert len([record for record in caplog.records if ID in record.getMessage()]) == 1
    assert due_in(bench) > 30
    with bench.server.client() as client:
        assert client.zrange(queued_key(FAST), 0, -1) == [job.id.encode()], "it waits for no worker"
    with pytest.raises(UnreadableRecord):
        bench.worker.claim(ID)
    assert not bench.guard.renew(Hold(ID, 7, FAST))
    assert not bench.guard.lose(Hold(ID, 7, FAST), Loss.WORKER_LOST)
    SyncBlobs(bench.settings.blob_url).write(lost, b"x")
    bench.collect()
    assert files(bench) == {UPLOAD, job.upload.key}
    bench.ask(lambda store: store.forget(ID))
    bench.sweep()
    assert bench.ask(lambda store: store.get(ID)) is None


def test_many_broken_records_hide_no_lost_message(bench: Bench) -> None:
    """Hundreds of them are listed before a job whose message is lost: it is sent again all the same."""
    with bench.server.client() as client:
        for number in range(250):
            place(client, BROKEN["no JSON"], f"{number:032x}", due=client.time()[0] + 1000)
        job = bench.create()
        client.zadd(queued_key(FAST), {job.id: client.time()[0] - 60})
        client.zadd(DUE, {job.id: client.time()[0] + 20})
    for _ in range(3):
        bench.sweep()
    assert bench.messages() == 1


@pytest.mark.parametrize("kind", ["string", "list", "zset"])
def test_broken_events_do_not_stop_a_job(bench: Bench, kind: str) -> None:
    """What is no stream gives way to one with the job's next event; entries that are none of ours are passed over."""
    job = bench.create()
    with bench.server.client() as client:
        client.rename(events_key(job.id), "elsewhere")
        if kind == "string":
            client.set(events_key(job.id), "x")
        elif kind == "list":
            client.rpush(events_key(job.id), "x")
        else:
            client.zadd(events_key(job.id), {"x": 1})
    claimed = bench.worker.claim(job.id)
    assert claimed is not None
    with bench.server.client() as client:
        client.xadd(events_key(job.id), {"name": "progress", "data": "{"})
        client.xadd(events_key(job.id), {"what": "ever"})
    assert bench.worker.succeed(claimed, f"results/{job.id}/1/")

    assert followed(bench, job.id) == ["running", "succeeded"]
