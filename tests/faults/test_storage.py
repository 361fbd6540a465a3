"""A full disk, and a bucket that goes away: the storage's part of fault 21."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.calls import finished, post, problem
from tests.support.images import SMALL_PNG, encoded, noise
from tests.support.jobs import ended, posted
from tests.support.object_store import ObjectStore
from tests.support.processes import Service, StoreServer
from tests.support.waiting import until

Stores = Callable[..., StoreServer]
Services = Callable[..., Service]
Saw = Callable[..., None]

DISK_MB = 8
# Above the part in which an upload is written: the disk is full in the middle of it.
LARGE = encoded(noise(1900, 1900))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on a file system of its own, with a few megabytes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "tmpfs", str(folder)], check=True)
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def used(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def test_21_the_disk_is_full(small_disk: Path, own_store: Stores, own_service: Services, saw: Saw) -> None:
    """An upload that does not fit is 507 and leaves nothing; a result that does not fit fails its job and no other."""
    service = own_service(own_store(), blob_url=(small_disk / "blobs").as_uri(), sweep_seconds=0.2)
    service.start_gateway()
    with service.client() as client:
        answer = post(client, LARGE, wait=None)
        problem(answer, 507, "storage_full")
        assert int(answer.headers["Retry-After"]) > 0
        until(lambda: used(small_disk) == 0, "nothing of it is left", 5)  # parts are written at the same time
        waiting = posted(client, encoded(noise(600, 600)), n_clusters=2)
        filling = small_disk / "filling"
        room = DISK_MB * 2**20 - used(small_disk) - 64 * 1024
        filling.write_bytes(bytes(room))
        service.start_worker()
        job = ended(client, waiting)
        assert (job["status"], job["error"]["code"], job["error"]["retryable"]) == ("failed", "storage_full", True)
        until(lambda: used(small_disk) == room, "nothing of the job is left", 12)
        filling.unlink()
        assert finished(client)["attempt"] == 1
    saw(disk_mb=DISK_MB, upload=answer.status_code, result=job["error"]["code"])


def test_the_bucket_goes_away(own_store: Stores, tmp_path: Path, saw: Saw) -> None:
    """With a bucket for a folder jobs succeed and leave their results alone, those on a stored image, too; without the
    bucket, posts are 503.
    """
    server = ObjectStore(tmp_path)
    service = Service(own_store(), tmp_path / "service", blob_url=server.blob_url)
    service.environment |= server.environment
    try:
        service.start_gateway()
        service.start_worker()
        service.wait_for_workers()
        with service.client() as client:
            job = finished(client)
            assert client.get(job["links"]["labels"]).content.startswith(b"\x89PNG")
            until(lambda: all(f"results/{job['id']}/" in key for key in server.names()), "the upload is gone", 10)
            assert server.names()
            sha256 = client.post("/v1/images", files={"image": SMALL_PNG}).json()["sha256"]
            for _ in range(2):
                answer = client.post("/v1/jobs", json={"image_sha256": sha256}, headers={"Prefer": "wait=30"})
                assert answer.json()["result"]["digest"] == job["result"]["digest"]
            until(lambda: not any("uploads/" in key for key in server.names()), "the copies are gone", 10)
            assert sum(f"images/{sha256}." in key for key in server.names()) == 1
            assert client.delete(f"/v1/images/{sha256}").status_code == 204
            assert not any("images/" in key for key in server.names())
            server.kill()
            problem(post(client, SMALL_PNG, wait=None), 503, "storage")
            assert httpx.get(f"{service.url}/healthz", trust_env=False).is_success
    finally:
        service.stop()
        server.stop()
    saw(without_a_bucket=503)
