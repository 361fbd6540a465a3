"""Images that the gateway fetches, large ones in JSON, and stored ones that expire: on a gateway of their own."""

import base64
import time
from collections.abc import Iterator
from contextlib import closing

import numpy as np
import pytest

from tests.support.calls import post, problem
from tests.support.images import SMALL_PNG, encoded, noise
from tests.support.processes import Service, StoreServer, resident_bytes
from tests.support.waiting import until
from tests.support.web import Web, gives

MASK = encoded(np.full((6, 8, 3), 255, np.uint8))
ALLOWED = "127.0.0.2"
LIMIT = 40 * 2**20
BASE64 = base64.b64encode(SMALL_PNG).decode()


@pytest.fixture(scope="module")
def web() -> Iterator[Web]:
    with closing(Web(ALLOWED)) as server:
        server.answers |= {"/a.png": gives(SMALL_PNG), "/mask.png": gives(MASK), "/text": gives(b"hello")}
        yield server


@pytest.fixture(scope="module")
def fetching(tmp_path_factory: pytest.TempPathFactory, web: Web) -> Iterator[Service]:
    """A gateway that fetches URLs, and keeps stored images for a moment, on a store of its own, without a worker."""
    store = StoreServer("valkey", tmp_path_factory.mktemp("fetching-store"))
    settings = {"fetch_urls": True, "fetch_allow": ALLOWED, "fetch_ports": f"80, 443,{web.port}"}
    more = {"fetch_timeout_seconds": 2, "image_ttl_seconds": 1, "sweep_seconds": 0.2, "max_upload_bytes": LIMIT}
    made = Service(store, tmp_path_factory.mktemp("fetching"), **settings, **more)
    try:
        yield made.start_gateway()
    finally:
        made.kill()
        store.kill()


def test_base64_is_never_held_whole(fetching: Service) -> None:
    """An image of 33 MB as base64 goes through the gateway while its memory grows by a fraction of that."""
    assert fetching.gateway is not None
    data = encoded(noise(3300, 3300), "BMP")
    body = b'{"image_base64": "' + base64.b64encode(data) + b'"}'
    with fetching.client() as client:
        assert post(client, wait=None).status_code == 202
        before = resident_bytes(fetching.gateway.pid)
        answer = client.post("/v1/jobs", content=body, headers={"Content-Type": "application/json"})
        assert answer.status_code == 202, answer.text
        assert answer.json()["image"]["bytes"] == len(data)
        assert resident_bytes(fetching.gateway.pid, "VmHWM") - before < 25_000_000


def test_an_image_from_a_url(fetching: Service, web: Web) -> None:
    """Image and mask are fetched when the job is posted, and kept like uploads."""
    with fetching.client() as client:
        body = {"image_url": web.url("/a.png"), "mask_url": web.url("/mask.png"), "n_clusters": 2}
        answer = client.post("/v1/jobs", json=body)
    assert answer.status_code == 202, answer.text
    job = answer.json()
    assert job["image"] | {"sha256": ""} == {"bytes": len(SMALL_PNG), "filename": "a.png", "sha256": ""}
    assert job["mask"]["filename"] == "mask.png"
    assert (fetching.blobs / "uploads" / job["id"]).read_bytes() == SMALL_PNG
    assert (fetching.blobs / "uploads" / f"{job['id']}.mask").read_bytes() == MASK


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/missing", 422, "fetch_failed"),
        ("http://127.0.0.1:PORT/a.png", 422, "url_refused"),
        ("http://[::ffff:127.0.0.1]:PORT/a.png", 422, "url_refused"),
        ("http://127.0.0.2:22/a.png", 422, "url_refused"),
        ("file:///etc/passwd", 422, "url_refused"),
        ("/text", 415, "unsupported_image"),
    ],
)
def test_a_url_that_gives_no_image(fetching: Service, web: Web, path: str, status: int, code: str) -> None:
    """What cannot, or may not, be fetched is told when the job is posted, and leaves nothing, the mask included."""
    web.answers["/missing"] = gives(b"", 404)
    before = fetching.blob_files()
    url = web.url(path) if path.startswith("/") else path.replace("PORT", str(web.port))
    with fetching.client() as client:
        problem(client.post("/v1/jobs", json={"image_url": url, "mask_base64": BASE64}), status, code)
        document = problem(client.post("/v1/jobs", json={"image_base64": BASE64, "mask_url": url}), status, code)
        assert document["detail"].startswith("The mask cannot be read. The ")
    assert fetching.blob_files() == before


def test_a_stored_image_expires_after_its_last_use(fetching: Service) -> None:
    """A stored image goes after its time, which every use begins anew; a job that named it keeps its own copy."""
    with fetching.client() as client:
        sha256 = client.post("/v1/images", files={"image": SMALL_PNG}).json()["sha256"]
        begin = time.monotonic()
        while time.monotonic() - begin < 1.5:
            answer = client.post("/v1/jobs", json={"image_sha256": sha256})
            assert answer.status_code == 202, answer.text
            time.sleep(0.2)
        until(lambda: client.get(f"/v1/images/{sha256}").status_code == 404, "it expires", 10)
        until(lambda: not list((fetching.blobs / "images").iterdir()), "its blob is gone", 10)
        assert (fetching.blobs / "uploads" / answer.json()["id"]).read_bytes() == SMALL_PNG
        problem(client.post("/v1/jobs", json={"image_sha256": sha256}), 422, "unknown_image")
