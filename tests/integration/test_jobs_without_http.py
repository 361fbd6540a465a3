"""Jobs taken in, accepted, waited for, followed and ended by calls alone: no request, no response, no server."""

import asyncio
import hashlib
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from api.access.caller import Caller
from api.intake.body import Body
from api.intake.fetch import Fetcher
from api.intake.receive import Intake
from api.intake.references import References
from api.intake.upload_slots import Slots
from api.intake.uploads import Uploads
from api.jobs import room as room_module
from api.jobs.accept import Acceptance, Accepted
from api.jobs.cancel import cancel, delete
from api.jobs.find import find
from api.jobs.follow import Silence, follow
from api.jobs.room import Room
from api.jobs.wait import ended_or_as_it_was
from shared.access.limits import KeyLimits
from shared.access.model import made_key
from shared.contract.errors import InvalidParams, InvalidRequest, NotFound, QueueFull, TooManyUploads, Unavailable
from shared.contract.params import KMeansParams
from shared.jobs import streams as streams_module
from shared.jobs.events import FIRST
from shared.jobs.keys import queued_key
from shared.jobs.model import Job, JobStatus, Progress, Upload, new_job, new_job_id, now
from shared.jobs.reservations import Reservations
from shared.jobs.routing import QUEUES
from tests.support.bench import Bench, events_of, started
from tests.support.gateway import Gateway, gateway
from tests.support.images import SMALL_PNG

MODULES = [
    "access.keyring",
    "access.quotas",
    "intake.receive",
    "jobs.accept",
    "jobs.cancel",
    "jobs.follow",
    "jobs.wait",
    "upkeep.sweeper",
    "metrics",
]


def test_what_the_gateway_does_needs_no_web_framework() -> None:
    """Each of these modules can be imported where neither FastAPI nor Starlette is installed."""
    blocked = "import sys; sys.modules['fastapi'] = sys.modules['starlette'] = sys.modules['uvicorn'] = None"
    imports = [f"import api.{module}" for module in MODULES]
    subprocess.run([sys.executable, "-c", "\n".join([blocked, *imports])], check=True)


class Hands:
    """Intake and acceptance on a gateway's stores, as `api.main` wires them."""

    def __init__(self, bench: Bench, parts: Gateway, max_queued: int = 100, max_uploads: int = 10) -> None:
        uploads = Uploads(parts.blobs, parts.sync_blobs, bench.settings)
        references = References(Fetcher(bench.settings), parts.stored)
        self.intake = Intake(uploads, references, Slots(max_uploads), bench.settings)
        reservations = Reservations(parts.redis)
        self.room = Room(parts.store, max_queued)
        self.acceptance = Acceptance(parts.store, reservations, parts.blobs, parts.quotas, self.room)
        self.store, self.blobs = parts.store, parts.blobs

    async def post(self, image: bytes = SMALL_PNG, **query: str) -> Job:
        """Take an image in, and accept a job on it: what a route, a batch or a socket does."""
        await self.room.check()
        job_id = new_job_id()
        received = await self.intake.receive(a_body(image, **query), job_id)
        job = new_job(job_id, received.params, received.image, received.mask)
        return (await self.acceptance.accept(job)).job


async def chunks_of(data: bytes) -> AsyncIterator[bytes]:
    for begin in range(0, len(data), 50):
        yield data[begin : begin + 50]


def a_body(data: bytes, content_type: str = "image/png", **query: str) -> Body:
    return Body(content_type, len(data), list(query.items()), chunks_of(data))


async def always() -> bool:
    return True


def files_of(bench: Bench) -> list[Path]:
    folder = Path(bench.settings.blob_url.removeprefix("file://"))
    return [path for path in folder.rglob("*") if path.is_file()]


def test_a_job_is_accepted(bench: Bench) -> None:
    """Bytes and parameters become a stored upload, a record and a message; the job is a worker's to claim."""
    with gateway(bench.settings) as parts:
        job = parts.run(Hands(bench, parts).post(n_clusters="3"))
        assert parts.run(find(job.id, parts.store)) == bench.get(job)
    assert [event.name for event in events_of(bench, job)] == ["queued"]
    assert bench.messages() == 1
    assert (job.upload.size, job.upload.sha256) == (len(SMALL_PNG), hashlib.sha256(SMALL_PNG).hexdigest())
    assert [path.read_bytes() for path in files_of(bench)] == [SMALL_PNG]
    claimed = bench.worker.claim(job.id)
    assert claimed is not None
    assert claimed.params.model_dump()["n_clusters"] == 3


def test_what_is_wrong_leaves_nothing(bench: Bench) -> None:
    """Neither wrong parameters, nor a broken image, nor a full queue, nor too many uploads leave a file or a record."""
    with gateway(bench.settings) as parts:
        hands = Hands(bench, parts)
        with pytest.raises(InvalidParams):
            parts.run(hands.post(n_clusters="0"))
        with pytest.raises(InvalidRequest):
            parts.run(hands.post(b""))
        with pytest.raises(QueueFull):
            parts.run(Hands(bench, parts, max_queued=0).post())
        with pytest.raises(TooManyUploads):
            parts.run(Hands(bench, parts, max_uploads=0).post())
    assert files_of(bench) == []
    assert bench.messages() == 0


def test_no_key_takes_all_the_room(bench: Bench) -> None:
    """One key has half of the jobs that may wait, whatever it is allowed; another finds room until there is none."""
    one, other = (Caller(made_key(name, frozenset(), KeyLimits(), now(), None).key) for name in ("one", "other"))
    with gateway(bench.settings) as parts:
        hands = Hands(bench, parts, max_queued=4)

        def post(caller: Caller) -> None:
            parts.run(hands.room.check(caller.owner))
            upload = Upload(key="uploads/x", size=3, sha256=64 * "0")
            parts.run(parts.store.create(new_job(new_job_id(), KMeansParams(), upload, owner=caller.owner)))

        for _ in range(2):
            post(one)
        with pytest.raises(QueueFull, match="2 jobs of this key"):
            post(one)
        for _ in range(2):
            post(other)
        with pytest.raises(QueueFull, match="Too many jobs"):
            post(other)
        given = bench.worker.turn(QUEUES[0])
        assert given is not None
        assert bench.worker.claim(*given) is not None
        post(one)


def test_parameters_are_refused_before_the_image_is_stored(bench: Bench) -> None:
    """Wrong parameters end the intake where they stand: in the query before a byte, in a part before what follows."""
    pulled = 0

    async def counted(data: bytes) -> AsyncIterator[bytes]:
        nonlocal pulled
        async for chunk in chunks_of(data):
            pulled += 1
            yield chunk

    head = b'--b\r\nContent-Disposition: form-data; name="params"\r\n\r\n{"n_clusters": 0}\r\n'
    form = head + b'--b\r\nContent-Disposition: form-data; name="image"\r\n\r\n' + bytes(10_000) + b"\r\n--b--\r\n"
    with gateway(bench.settings) as parts:
        intake = Hands(bench, parts).intake
        with pytest.raises(InvalidParams):
            parts.run(intake.receive(Body("image/png", None, [("seed", "-1")], counted(SMALL_PNG)), new_job_id()))
        assert pulled == 0
        with pytest.raises(InvalidParams):
            parts.run(intake.receive(Body("multipart/form-data; boundary=b", None, [], counted(form)), new_job_id()))
    assert pulled < 5
    assert files_of(bench) == []


def test_an_intake_that_is_cancelled_leaves_nothing(bench: Bench) -> None:
    """Whoever is ended in the middle of an upload, or between its files, leaves none of them."""

    async def endless() -> AsyncIterator[bytes]:
        yield b'--b\r\nContent-Disposition: form-data; name="mask"\r\n\r\n' + SMALL_PNG + b"\r\n"
        yield b'--b\r\nContent-Disposition: form-data; name="image"\r\n\r\n' + SMALL_PNG
        await asyncio.sleep(60)

    with gateway(bench.settings) as parts:
        intake = Hands(bench, parts).intake

        async def run() -> None:
            body = Body("multipart/form-data; boundary=b", None, [], endless())
            taking = asyncio.create_task(intake.receive(body, new_job_id()))
            while not [path for path in files_of(bench) if path.name.endswith(".mask")]:
                await asyncio.sleep(0.01)
            taking.cancel()
            await asyncio.wait([taking])
            assert taking.cancelled()

        parts.run(run())
    assert files_of(bench) == []


def test_a_wait_ends_with_the_job(bench: Bench) -> None:
    """Who waits gets the job as it ended; who does not listen any more, or whose time is over, as it is by then."""
    with gateway(bench.settings) as parts:
        hands = Hands(bench, parts)

        async def nobody() -> bool:
            return False

        async def run() -> list[Job]:
            async with started(parts.streams) as streams:
                job = await hands.post()
                found = [
                    await ended_or_as_it_was(job, 0.05, hands.store, streams, always),
                    await ended_or_as_it_was(job, 30, hands.store, streams, nobody),
                ]
                waiting = asyncio.create_task(ended_or_as_it_was(job, 30, hands.store, streams, always))
                await asyncio.to_thread(work, job.id)
                return [*found, await waiting]

        def work(job_id: str) -> None:
            claimed = bench.worker.claim(job_id)
            assert claimed is not None
            assert bench.worker.succeed(claimed, "results/x/")

        assert [job.status for job in parts.run(run())] == ["queued", "queued", "succeeded"]


def test_a_wait_without_a_store(bench: Bench) -> None:
    """A job that was accepted is told even when the store has gone since."""
    with gateway(bench.settings) as parts:

        async def run() -> Job:
            async with started(parts.streams) as streams:
                job = await Hands(bench, parts).post()
                bench.server.kill()
                async with asyncio.timeout(20):
                    return await ended_or_as_it_was(job, 30, parts.store, streams, always)

        try:
            assert parts.run(run()).status is JobStatus.QUEUED
        finally:
            bench.server.start()


def test_events_are_followed_to_the_last(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every event comes once, silences in between, and the last one ends it; from any event on, what came after it."""
    monkeypatch.setattr(streams_module, "LOOK_AGAIN_SECONDS", 1.0)
    with gateway(bench.settings) as parts:
        hands = Hands(bench, parts)

        async def run() -> list[Any]:
            async with started(parts.streams) as streams:
                job = await hands.post()
                found: list[Any] = []
                async for event in follow(job.id, FIRST, streams):
                    if not isinstance(event, Silence):
                        found.append(event)
                    elif len(found) == 1:
                        await asyncio.to_thread(work, job.id)
                rest = [event async for event in follow(job.id, found[1].id, streams)]
                assert [event for event in rest if not isinstance(event, Silence)] == found[2:]
                return found

        def work(job_id: str) -> None:
            claimed = bench.worker.claim(job_id)
            assert claimed is not None
            bench.worker.report(claimed, Progress(stage="cluster", fraction=0.5))
            bench.worker.succeed(claimed, "results/x/")

        assert [event.name for event in parts.run(run())] == ["queued", "running", "progress", "succeeded"]


def test_room_is_asked_for_where_it_may_matter(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was counted holds for a moment, with what was let in since, while that is less than half of the room."""
    monkeypatch.setattr(room_module, "SURE_SECONDS", 1000)
    full = {str(number): 0.0 for number in range(20)}
    with gateway(bench.settings) as parts, bench.server.client() as redis:
        room = Room(parts.store, 20)
        parts.run(room.check())
        redis.zadd(queued_key(QUEUES[0]), full)
        for _ in range(9):
            parts.run(room.check())
        for _ in range(2):
            with pytest.raises(QueueFull):
                parts.run(room.check())
        redis.delete(queued_key(QUEUES[0]))
        parts.run(room.check())
        monkeypatch.setattr(room_module, "SURE_SECONDS", 0)
        room = Room(parts.store, 20)
        parts.run(room.check())
        redis.zadd(queued_key(QUEUES[0]), full)
        with pytest.raises(QueueFull):
            parts.run(room.check())


def test_jobs_that_wait_for_others_take_room(bench: Bench) -> None:
    """A key's room is for all its jobs that wait, also those that wait for the end of another one."""

    def job(owner: str, sha: str) -> Job:
        job_id = new_job_id()
        return new_job(job_id, KMeansParams(), Upload(key=f"uploads/{job_id}", size=3, sha256=sha * 64), owner=owner)

    with gateway(bench.settings) as parts:
        for owner, sha in (("one", "0"), ("one", "0"), ("one", "0"), ("one", "1"), ("two", "0")):
            parts.run(parts.store.create(job(owner, sha), join=True))
        assert parts.run(parts.store.queued()) == 5
        assert [parts.run(parts.store.waiting_of(owner)) for owner in ("one", "two", "three")] == [4, 1, 0]
        room = Room(parts.store, 6)
        parts.run(room.check("two"))
        with pytest.raises(QueueFull):
            parts.run(room.check("one"))


def test_an_accepted_job_is_told_though_its_end_cannot_be_read(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has the result of another one at once; where Redis goes away in the next moment, it is accepted."""
    with gateway(bench.settings) as parts:
        hands = Hands(bench, parts)

        async def away(job_id: str) -> Job:
            raise Unavailable("away")

        async def run() -> Accepted:
            first = await hands.post()
            claimed = await asyncio.to_thread(bench.worker.claim, first.id)
            assert claimed is not None
            await asyncio.to_thread(bench.worker.succeed, claimed, f"results/{first.id}/1/")
            again = first.model_copy(update={"id": new_job_id()})
            monkeypatch.setattr(parts.store, "get", away)
            return await hands.acceptance.accept(again, join=True)

        accepted = parts.run(run())
        monkeypatch.undo()
        found = parts.run(parts.store.get(accepted.job.id))
        assert found is not None
        assert found.status is JobStatus.SUCCEEDED


def test_a_job_is_cancelled_and_deleted(bench: Bench) -> None:
    """A cancelled job has no upload any more; a deleted one is not found by anybody."""
    with gateway(bench.settings) as parts:
        hands = Hands(bench, parts)
        job = parts.run(hands.post())
        assert parts.run(cancel(job, hands.store, hands.blobs)).status is JobStatus.CANCELLED
        assert files_of(bench) == []
        parts.run(delete(job.id, hands.store, hands.blobs))
        for gone in (cancel(job, hands.store, hands.blobs), delete(job.id, hands.store, hands.blobs)):
            with pytest.raises(NotFound):
                parts.run(gone)
        with pytest.raises(NotFound):
            parts.run(find("huemill:due", hands.store))


def test_a_store_that_is_away(bench: Bench) -> None:
    """Without the store nothing is accepted, in the words of the contract, and the upload is gone again."""
    with gateway(bench.settings) as parts:

        async def run() -> None:
            hands, job_id = Hands(bench, parts), new_job_id()
            received = await hands.intake.receive(a_body(SMALL_PNG), job_id)
            bench.server.kill()
            with pytest.raises(Unavailable):
                await hands.room.check()
            with pytest.raises(Unavailable):
                await hands.acceptance.accept(new_job(job_id, received.params, received.image))

        try:
            parts.run(run())
        finally:
            bench.server.start()
