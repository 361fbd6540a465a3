"""Where images and results are kept: a local folder and a real S3-compatible server."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from shared.contract.errors import NotFound, StorageFailed
from shared.contract.params import KMeansParams
from shared.jobs.keys import DUE
from shared.jobs.model import Job, Upload, new_job, new_job_id
from shared.runtime import connections
from shared.runtime.settings import Settings
from shared.storage.blobs import FOLDER_PART_BYTES, PIECE_BYTES, S3_PART_BYTES, Blobs
from shared.storage.images import ImageStore, StoredImage
from shared.storage.keys import result_prefix, upload_key
from shared.storage.sync_blobs import SyncBlobs
from tests.support.bench import worker_store
from tests.support.gateway import Gateway, gateway
from tests.support.images import SMALL_PNG
from tests.support.object_store import ObjectStore
from tests.support.processes import StoreServer
from tests.support.waiting import until


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStore]:
    """An S3 server; this process's obstore finds it by the environment, as a gateway's does."""
    server = ObjectStore(tmp_path_factory.mktemp("s3"))
    with pytest.MonkeyPatch.context() as patch:
        for name, value in server.environment.items():
            patch.setenv(name, value)
        yield server
    server.stop()


@pytest.fixture(params=["file", "s3"])
def blob_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty folder, or of the bucket."""
    if request.param == "file":
        return (tmp_path / "blobs").as_uri()
    return f"{request.getfixturevalue('s3').blob_url}/{new_job_id()}"


@pytest.fixture
def settings(own_store: Callable[..., StoreServer], blob_url: str) -> Settings:
    return Settings(redis_url=own_store().url, blob_url=blob_url, orphan_seconds=1e-6)


def ask(settings: Settings, question: Callable[[Gateway], Coroutine[Any, Any, Any]]) -> Any:
    """The answer to a question to a gateway's parts."""
    with gateway(settings) as parts:
        return parts.run(question(parts))


def collect(parts: Gateway) -> Coroutine[Any, Any, int]:
    return parts.collector.collect()


def keys(settings: Settings) -> set[str]:
    async def listed(parts: Gateway) -> set[str]:
        return {entry.key for prefix in ("uploads/", "results/") async for entry in parts.blobs.entries(prefix)}

    found: set[str] = ask(settings, listed)
    return found


def stored_job(settings: Settings) -> Job:
    job_id = new_job_id()
    upload = Upload(key=upload_key(job_id), size=3, sha256="0" * 64)
    SyncBlobs(settings.blob_url).write(upload.key, b"png")
    job = new_job(job_id, KMeansParams(), upload)
    ask(settings, lambda parts: parts.store.create(job))
    return job


def settle(settings: Settings, job: Job) -> None:
    """The job ended some seconds ago, and a sweep has seen to it."""

    async def due_now(parts: Gateway) -> None:
        redis = connections.gateway(settings)
        await redis.zadd(DUE, {job.id: 1})
        await redis.aclose()
        await parts.sweeper.sweep()

    ask(settings, due_now)


def test_what_belongs_to_no_job_is_removed(settings: Settings) -> None:
    """Uploads without a record, and files of claims that are not the job's, go; all that records point to stays."""
    blobs, worker = SyncBlobs(settings.blob_url), worker_store(settings, "mill:1/2")
    waiting, running, succeeded = (stored_job(settings) for _ in range(3))
    claimed = worker.claim(running.id)
    finished = worker.claim(succeeded.id)
    assert claimed is not None
    assert finished is not None
    assert worker.succeed(finished, f"{result_prefix(succeeded.id)}1/")
    settle(settings, succeeded)
    kept = {
        waiting.upload.key,
        upload_key(waiting.id, "mask"),
        running.upload.key,
        f"{result_prefix(running.id)}{claimed.claim}/labels.png",
        f"{result_prefix(succeeded.id)}1/result.json",
    }
    orphans = {
        upload_key(new_job_id()),
        upload_key(new_job_id(), "mask"),
        succeeded.upload.key,
        f"{result_prefix(new_job_id())}1/result.json",
        f"{result_prefix(succeeded.id)}2/result.json",
        f"{result_prefix(running.id)}0/result.json",
    }
    for key in kept | orphans:
        blobs.write(key, b"x")
    assert ask(settings, collect) == len(orphans)
    assert keys(settings) == kept


def test_what_is_young_stays(settings: Settings) -> None:
    """A blob without a record is left alone until it is old enough: its record may be on the way."""
    SyncBlobs(settings.blob_url).write(upload_key(new_job_id()), b"x")
    assert ask(settings.model_copy(update={"orphan_seconds": 3600}), collect) == 0
    assert len(keys(settings)) == 1


def test_an_image_is_stored_and_copied(settings: Settings) -> None:
    """A stored image is an upload renamed, and a job's is a copy of it, which stays when either goes."""
    blobs = SyncBlobs(settings.blob_url)
    blobs.write("uploads/new", SMALL_PNG)

    async def store_and_copy(parts: Gateway) -> None:
        await parts.blobs.rename("uploads/new", "images/kept")
        await parts.blobs.copy("images/kept", "uploads/job")
        await parts.blobs.delete("images/kept")
        with pytest.raises(NotFound):
            await parts.blobs.copy("images/kept", "uploads/other")

    ask(settings, store_and_copy)
    assert keys(settings) == {"uploads/job"}
    assert blobs.read("uploads/job") == SMALL_PNG


def test_a_copy_is_young(tmp_path: Path, own_store: Callable[..., StoreServer]) -> None:
    """The copy that a job is given of an old image is not taken for an orphan before the job's record is there."""
    settings = Settings(redis_url=own_store().url, blob_url=tmp_path.as_uri(), orphan_seconds=3600)
    SyncBlobs(settings.blob_url).write("images/old", b"old")
    os.utime(tmp_path / "images/old", (0, 0))
    key = upload_key(new_job_id())
    ask(settings, lambda parts: parts.blobs.copy("images/old", key))
    assert ask(settings, collect) == 0
    assert SyncBlobs(settings.blob_url).read(key) == b"old"


def test_an_image_used_during_a_sweep_stays(own_store: Callable[..., StoreServer]) -> None:
    """An image that was due when a sweep looked, and is used before the sweep takes it, is not taken."""
    image = StoredImage(sha256="0" * 64, key="images/0", size=1, media_type="image/png", width=1, height=1)
    settings = Settings(redis_url=own_store().url)

    async def run() -> None:
        redis = connections.gateway(settings)
        hasty, patient = ImageStore(redis, -1), ImageStore(redis, 60)
        await hasty.add(image)
        assert await hasty.due() == [image.sha256]
        assert await patient.use(image.sha256)
        assert await hasty.take_if_due(image.sha256) is None
        await hasty.use(image.sha256)
        assert await patient.take_if_due(image.sha256) == image
        assert await patient.take_if_due(image.sha256) is None
        await redis.aclose()

    asyncio.run(run())


def test_a_failed_write_leaves_nothing(settings: Settings) -> None:
    """A stream that breaks off after more than one part leaves no blob, and what was there is not touched."""

    async def broken() -> AsyncIterator[bytes]:
        yield bytes(S3_PART_BYTES + 1)
        raise ConnectionError

    async def write(parts: Gateway) -> None:
        await parts.blobs.write("uploads/new", broken())

    SyncBlobs(settings.blob_url).write("uploads/old", b"old")
    with pytest.raises(ConnectionError):
        ask(settings, write)
    assert keys(settings) == {"uploads/old"}


def test_a_write_that_is_cancelled_leaves_nothing(blob_url: str) -> None:
    """At whatever moment a write is cancelled, its last step included: it was done before, or nothing is there."""
    blobs = Blobs(blob_url)

    async def chunks() -> AsyncIterator[bytes]:
        yield b"one"
        yield b"two"

    async def cancelled_after(turns: int) -> bool:
        key = f"uploads/{turns}"
        writing = asyncio.create_task(blobs.write(key, chunks()))
        for _ in range(turns):
            await asyncio.sleep(0.0001)
        writing.cancel()
        await asyncio.wait([writing])
        if not writing.cancelled():
            assert await blobs.read_whole(key) == b"onetwo"
            await blobs.delete(key)
        return writing.cancelled()

    async def run() -> list[bool]:
        seen = [await cancelled_after(turns) for turns in range(60)]
        await asyncio.sleep(0.2)  # a step that goes on behind our back would be done by then
        assert [entry async for entry in blobs.entries("uploads/")] == []
        return seen

    assert True in asyncio.run(run())


@pytest.mark.parametrize("part", [None, (0, 1), (5, PIECE_BYTES + 5), (2 * PIECE_BYTES, 3 * PIECE_BYTES + 7)])
def test_a_blob_is_read_in_pieces(blob_url: str, part: tuple[int, int] | None) -> None:
    """The whole, or a part of it, comes in order and in pieces of bounded size."""
    data = os.urandom(3 * PIECE_BYTES + 7)
    SyncBlobs(blob_url).write("results/x", data)

    async def run() -> list[bytes]:
        return [piece async for piece in Blobs(blob_url).read("results/x", part)]

    pieces = asyncio.run(run())
    begin, end = part or (0, len(data))
    assert b"".join(pieces) == data[begin:end]
    assert all(0 < len(piece) < 2 * PIECE_BYTES for piece in pieces)


def test_a_blob_that_is_not_there(blob_url: str) -> None:
    """The first piece says so, and an empty blob has none."""
    blobs = Blobs(blob_url)
    SyncBlobs(blob_url).write("results/empty", b"")

    async def run() -> None:
        with pytest.raises(NotFound):
            await anext(blobs.read("results/nothing"))
        assert [piece async for piece in blobs.read("results/empty")] == []

    asyncio.run(run())


def test_a_bucket_that_goes_away_while_a_blob_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A blob that is opened by then fails as the storage's fault, for all that is read of it."""
    server = ObjectStore(tmp_path)
    try:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        blobs = SyncBlobs(server.blob_url)
        blobs.write("uploads/x", bytes(300_000))
        with blobs.open("uploads/x") as file:
            server.kill()
            with pytest.raises(StorageFailed):
                file.read(16)
            file.seek(200_000)
            with pytest.raises(StorageFailed):
                file.read()
    finally:
        server.stop()


def test_many_readers_take_turns(blob_url: str) -> None:
    """However many read, everyone else has a turn of the event loop between any two pieces."""
    blobs, turns = Blobs(blob_url), 0
    SyncBlobs(blob_url).write("results/x", bytes(4 * PIECE_BYTES))

    async def count_turns() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async def read() -> list[int]:
        return [turns async for _ in blobs.read("results/x")]

    async def run() -> list[list[int]]:
        counting = asyncio.create_task(count_turns())
        seen = await asyncio.gather(*(read() for _ in range(20)))
        counting.cancel()
        return seen

    seen = [turn for each in asyncio.run(run()) for turn in each]
    assert len(seen) >= 40
    assert len(set(seen)) == len(seen), "two pieces in one turn"


def test_a_reader_that_holds_the_last_piece_holds_no_file(tmp_path: Path) -> None:
    """The file is closed before the last piece is handed out, and when a reader goes away in the middle."""
    SyncBlobs(tmp_path.as_uri()).write("results/x", bytes(PIECE_BYTES + 1))

    def held() -> int:
        links = Path("/proc/self/fd").iterdir()
        return sum(link.is_file() and link.readlink() == tmp_path / "results/x" for link in links)

    async def run() -> None:
        reading = Blobs(tmp_path.as_uri()).read("results/x")
        await anext(reading)
        assert held() == 1
        await anext(reading)
        assert held() == 0
        await reading.aclose()
        reading = Blobs(tmp_path.as_uri()).read("results/x")
        await anext(reading)
        await reading.aclose()
        await asyncio.sleep(0.01)  # asyncio closes what was in it
        assert held() == 0

    asyncio.run(run())


def test_several_blobs_at_once(settings: Settings) -> None:
    """All are there afterwards, each with its own bytes."""
    blobs = SyncBlobs(settings.blob_url)
    files = {f"results/job/1/{name}": name.encode() * 1000 for name in ("labels.npy", "labels.png", "result.json")}
    blobs.write_all(files)
    assert {key: blobs.read(key) for key in files} == files


WRITER = """
import asyncio, sys
from shared.storage.blobs import Blobs

async def chunks():
    yield bytes(6 * 2**20)
    yield bytes(6 * 2**20)
    print("begun", flush=True)
    await asyncio.sleep(60)

asyncio.run(Blobs(sys.argv[1]).write("uploads/half", chunks()))
"""


def test_a_killed_writer_leaves_no_half_file(tmp_path: Path, own_store: Callable[..., StoreServer]) -> None:
    """What a killed gateway had begun to write is never there by its name, and is removed later."""
    settings = Settings(redis_url=own_store().url, blob_url=tmp_path.as_uri(), orphan_seconds=1e-6)
    command = [sys.executable, "-c", WRITER, settings.blob_url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "begun\n"
        os.kill(writer.pid, signal.SIGKILL)
    begun = [path for path in (tmp_path / "uploads").iterdir() if path.is_file()]
    assert [path.name for path in begun] == ["half#1"]
    assert keys(settings) == set()
    assert ask(settings, collect) == 1
    assert not begun[0].exists()


def test_who_removes_at_the_same_time(blob_url: str) -> None:
    """A folder that several remove at once is empty afterwards, and nobody is told that something was not there."""
    prefix = result_prefix(new_job_id())
    keys = [f"{prefix}{number}/labels.npy" for number in range(100)]
    SyncBlobs(blob_url).write_all(dict.fromkeys(keys, b"x"))

    async def remove() -> list[str]:
        blobs = Blobs(blob_url)
        await asyncio.gather(*(blobs.delete_all(prefix) for _ in range(8)))
        return [entry.key async for entry in blobs.entries(prefix)]

    assert asyncio.run(remove()) == []


def test_what_is_given_up_holds_no_file(tmp_path: Path) -> None:
    """Its room on the disk is free again, though the error that ended it is still there."""

    async def cut_off() -> AsyncIterator[bytes]:
        yield bytes(FOLDER_PART_BYTES + 1)
        assert held(), "it is being written"
        raise ConnectionResetError

    def held() -> list[Path]:
        found = [file.readlink() for file in Path("/proc/self/fd").iterdir() if file.is_symlink()]
        return [path for path in found if path.is_relative_to(tmp_path)]

    with pytest.raises(ConnectionResetError) as error:
        asyncio.run(Blobs((tmp_path / "blobs").as_uri()).write("uploads/a", cut_off()))
    until(lambda: not held(), "no file is open", 5)
    assert error.traceback
