"""What runs in the background of a gateway outlives whatever it meets, and says when it stands still."""

import asyncio
import logging
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from prometheus_client import REGISTRY

from api.upkeep import supervise
from api.upkeep.failures import Failures
from api.upkeep.supervise import Supervisor, Task, pause_after
from shared.contract.errors import StorageFailed
from shared.jobs.keys import DUE, IMAGES, WORKERS, image_record_key
from shared.jobs.model import Job, JobStatus
from shared.runtime.settings import Settings
from tests.support.bench import Bench
from tests.support.gateway import gateway
from tests.support.object_store import ObjectStore
from tests.support.processes import Child, Service, StoreServer
from tests.support.records import ID, VERSIONS, place
from tests.support.waiting import until


def failures(task: str) -> float:
    return REGISTRY.get_sample_value("huemill_background_failures_total", {"task": task}) or 0.0


def test_pauses_grow_and_are_bounded() -> None:
    """A task that fails is tried again soon, then ever later, never later than it would come anyway or in 5 s."""
    assert [pause_after(failures, every=1) for failures in range(5)] == [1, 2, 4, 5, 5]
    assert [pause_after(failures, every=0.2) for failures in range(3)] == [0.2, 0.4, 0.8]
    assert pause_after(0, every=3600) == 1
    assert pause_after(20, every=3600) == 3600


@pytest.mark.parametrize(
    "error",
    [ValueError("a defect"), StorageFailed("away"), asyncio.CancelledError(), ExceptionGroup("all", [OSError()])],
)
def test_no_exception_ends_a_task(error: BaseException) -> None:
    """Whatever a task raises, a cancellation of something that it waits for included, it is begun again."""
    runs = {"failing": 0, "neighbour": 0}

    async def fail() -> None:
        runs["failing"] += 1
        raise error

    async def succeed() -> None:
        runs["neighbour"] += 1

    async def watch() -> None:
        supervisor = Supervisor([Task("failing", fail, 0.001), Task("neighbour", succeed, 0.001)], Failures())
        supervisor.start()
        while min(runs.values()) < 4:
            await asyncio.sleep(0.01)
        await supervisor.stop()

    before = failures("failing")
    asyncio.run(asyncio.wait_for(watch(), 20))
    assert failures("failing") - before >= 3


def test_a_task_that_hangs_stands_still(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told as well as one that fails; and is ended with the gateway."""
    monkeypatch.setattr(supervise, "STILL_SECONDS", 0.05)

    async def hang() -> None:
        await asyncio.Event().wait()

    async def watch() -> list[str]:
        supervisor = Supervisor([Task("hanging", hang, 0.001), Task("later", hang, 0.001, first_after=60)], Failures())
        supervisor.start()
        while not supervisor.standing_still():
            await asyncio.sleep(0.01)
        still = [task.name for task in supervisor.standing_still()]
        await supervisor.stop()
        return still

    assert asyncio.run(asyncio.wait_for(watch(), 20)) == ["hanging"]


SHORT_PATIENCE = """
import sys, uvicorn
from api.upkeep import supervise
supervise.STILL_SECONDS = 1.0
uvicorn.run("api.main:create_app", factory=True, port=int(sys.argv[1]), access_log=False)
"""


@pytest.fixture
def service(own_store: Callable[..., StoreServer], tmp_path: Path) -> Iterator[Service]:
    """A gateway that has short patience with its background."""
    made = Service(own_store(), tmp_path / "service", sweep_seconds=0.05, collect_seconds=0.05, orphan_seconds=1e-6)
    command = [sys.executable, "-c", SHORT_PATIENCE, str(made.port)]
    made.gateway = Child("gateway", command, tmp_path / "gateway.log", made.environment)
    try:
        with made.store.client() as redis, made.client() as client:
            until(lambda: answers(client), "the gateway answers")
            redis.zadd(WORKERS, {"mill:1": redis.time()[0] + 1000})
        yield made
    finally:
        made.kill()


def answers(client: httpx.Client) -> bool:
    try:
        return client.get("/healthz").is_success
    except httpx.TransportError:
        return False


def test_a_poisoned_key_stops_one_kind_of_work(service: Service) -> None:
    """The list of due jobs is of another type: /readyz tells, images expire and orphans go all the same, and with the
    key the gateway is ready again.
    """
    with service.client() as client, service.store.client() as redis:
        assert client.get("/readyz").json()["standing_still"] == []
        redis.set(DUE, "poison")
        answer = until(lambda: next((a for a in [client.get("/readyz")] if a.status_code == 503), None), "it is told")
        assert answer.json()["code"] == "standing_still"
        assert "sweep" in answer.json()["detail"]
        redis.set(image_record_key("0"), "{")
        redis.zadd(IMAGES, {"0": 0})
        orphan = service.blobs / "images" / "0.0"
        orphan.parent.mkdir(parents=True)
        orphan.write_bytes(b"x")
        until(lambda: not redis.exists(image_record_key("0")), "the image's record goes")
        until(lambda: not orphan.exists(), "the orphan goes")
        assert service.gateway is not None
        assert service.gateway.said("sweep: due jobs: UnreadableRecord")
        redis.delete(DUE)
        until(lambda: client.get("/readyz").status_code == 200, "it is ready again")


def test_a_defect_at_one_job_is_told_once(
    bench: Bench, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An exception that nobody has foreseen: its traceback is logged once, it is counted each time, and the job behind
    it is sent.
    """
    with bench.server.client() as redis:
        place(redis, VERSIONS["this"]["queued"])
    job, before = bench.create(), failures("sweep")
    with caplog.at_level(logging.WARNING), gateway(bench.settings) as parts:
        sends = parts.due.send

        async def send(job: Job) -> None:
            if job.id == ID:
                raise ZeroDivisionError
            await sends(job)

        monkeypatch.setattr(parts.due, "send", send)
        for _ in range(3):
            for due in (ID, job.id):
                with bench.server.client() as redis:
                    redis.zadd(DUE, {due: 1})
            parts.sweep()
    assert failures("sweep") - before == 3
    told = [record for record in caplog.records if ID in record.getMessage()]
    assert [bool(record.exc_info) for record in told] == [True, False, False]
    assert bench.messages() == 3
    assert bench.status(job) is JobStatus.QUEUED


def test_a_storage_that_fails_stops_no_sweep(
    own_store: Callable[..., StoreServer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bucket goes away: jobs that need it are put off, others are seen to; the collector fails and comes again."""
    server, bucket = own_store(), ObjectStore(tmp_path)
    for name, value in bucket.environment.items():
        monkeypatch.setenv(name, value)
    settings = Settings(redis_url=server.url, blob_url=bucket.blob_url)
    try:
        with gateway(settings) as parts, server.client() as redis:
            bucket.kill()
            expired = {**VERSIONS["this"]["succeeded"], b"settled": b"1"}
            place(redis, expired)
            other = "9" * 32
            queued = VERSIONS["this"]["queued"]
            place(redis, {name: value.replace(ID.encode(), other.encode()) for name, value in queued.items()}, other)
            before = failures("sweep")
            parts.sweep()
            assert failures("sweep") - before == 1
            assert redis.llen("huemill.fast") == 1
            assert redis.zscore(DUE, ID) > time.time()
            with pytest.raises(StorageFailed):
                parts.run(parts.collector.collect())
    finally:
        bucket.stop()
