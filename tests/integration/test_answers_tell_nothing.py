"""No answer tells of the machine that it comes from: no path, no part's name or version, no trace, no object of code.

All sorts of errors are provoked, over HTTP and as bytes, and every head and body is searched.
"""

import json
import re
import socket
import sys
from collections.abc import Iterator
from importlib.metadata import distributions
from typing import Any

import httpx
import pytest

from shared.jobs.keys import image_record_key, job_key
from tests.conftest import ONE_STORE
from tests.support.broken import changes, cuts
from tests.support.calls import PROJECT, finished, post
from tests.support.images import SMALL_PNG, encoded, noise
from tests.support.processes import Service
from tests.support.raw import connect, everything

pytestmark = ONE_STORE

FORMATS = ["PNG", "JPEG", "WEBP", "GIF", "TIFF", "BMP"]
METHODS = ["GET", "HEAD", "PUT", "PATCH", "OPTIONS", "TRACE", "BREW", "POST", "DELETE"]
# As programs name themselves: in a Server field, in messages that are passed on.
PARTS = "uvicorn|starlette|fastapi|pydantic|httptools|uvloop|celery|kombu|orjson|numba|numpy|scipy|pillow|PIL|valkey"
VERSIONS = "|".join(
    re.escape(f"{found.name}{separator}{found.version}") for found in distributions() for separator in (" ", "/", "-")
)
TELLING = [
    re.compile(pattern.encode(), re.IGNORECASE)
    for pattern in (
        rf"\b({PARTS})\b",
        VERSIONS,
        r"python[ /]?\d",
        r"redis[ /]?\d",
        r"traceback|, line \d+",
        r"\.(py|so|lua)\b",
        r"site-packages|/(usr|tmp|home|root|var|opt|etc|proc|lib)/",
        re.escape(PROJECT),
        re.escape(sys.prefix),
        r"0x[0-9a-f]{6,}|<_io|<class|object at",
        r"\b(uploads|results|blobs)/[0-9a-f]",
        r"127\.0\.0\.1:\d+|errno|\[Errno",
        rf"\b{re.escape(socket.gethostname())}\b" if len(socket.gethostname()) > 3 else "errno",
        r"^(server|x-powered-by|via):",
    )
]


def telling(heard: bytes) -> list[bytes]:
    return [match[0] for pattern in TELLING if (match := re.compile(pattern.pattern, re.I | re.M).search(heard))]


class Heard:
    """Every answer of a client, as bytes."""

    def __init__(self) -> None:
        self.statuses: set[int] = set()
        self.found: list[str] = []
        self.count = 0

    def __call__(self, answer: httpx.Response) -> None:
        head = b"".join(name + b": " + value + b"\n" for name, value in answer.headers.raw)
        body = answer.read()
        # What succeeds may name numpy as a form of labels.
        told = body if answer.is_error or b'"failed"' in body else b""
        self.take(answer.status_code, f"{answer.request.method} {answer.request.url}", head + told)

    def take(self, status: int, asked: str, text: bytes) -> None:
        self.count += 1
        self.statuses.add(status)
        self.found += [f"{status} of {asked[:200]}: {word!r} in {text[:1500]!r}" for word in telling(text)]


@pytest.fixture
def heard() -> Heard:
    """What is searched for is found where it is, so that not to find it means something."""
    for told in (b"server: uvicorn\n", b"cannot identify <_io.BytesIO object at 0x7f0012345678>"):
        assert telling(told)
    assert telling(f"No such file: {PROJECT}/api/main.py".encode())
    assert telling(b'{"detail":"The image is larger than the limit of 1,000 bytes. Send a smaller one."}') == []
    return Heard()


@pytest.fixture
def listened(service: Service, heard: Heard) -> Iterator[httpx.Client]:
    with service.client(event_hooks={"response": [heard]}) as client:
        yield client


def test_every_address_asked_wrongly(listened: httpx.Client, heard: Heard, service: Service) -> None:
    """Each address of the document, by each method, for what is there and what is not, with fields that are wrong."""
    job = finished(listened)["id"]
    sha256 = listened.post("/v1/images", files={"image": SMALL_PNG}).json()["sha256"]
    names = {"job_id": [job, "0" * 32, "..%2f..%2fetc%2fpasswd", "%00"], "sha256": [sha256, "0" * 64, "x"]}
    names |= {"name": ["labels.png", "..%2fresult.json", "%ff"], "ending": ["css", "exe"], "code": ["not_found", "x"]}
    addresses = ["/", "/nowhere", "/v1", "//v1/jobs", "/v1/jobs/", "/docs/../api/main.py", "/static/x", "/%ff%00"]
    for path in json.loads(service_document(service)):
        addresses += filled(path, names)
    wrong = {
        "Accept": "x/y",
        "Range": "bytes=9-1,",
        "If-None-Match": '"',
        "Prefer": "wait=x",
        "Last-Event-ID": "x",
    }
    addresses = [address for address in addresses if not address.endswith("/events")]  # a stream, for those that are
    for method in METHODS:  # DELETE takes away what the others ask for: it comes after them
        for address in addresses:
            listened.request(method, address, headers={} if method in ("DELETE", "POST") else wrong)
    assert {400, 404, 405, 406} <= heard.statuses
    assert heard.count > 200
    assert heard.found == []


def service_document(service: Service) -> str:
    with service.client() as client:
        return json.dumps(list(client.get("/openapi.json").json()["paths"]))


def filled(path: str, names: dict[str, list[str]]) -> list[str]:
    """The path with each of the names for each of its parts."""
    found = re.search(r"\{(\w+)\}", path)
    if found is None:
        return [path]
    return [text for name in names[found[1]] for text in filled(path.replace(found[0], name, 1), names)]


def test_every_sort_of_body(listened: httpx.Client, heard: Heard) -> None:
    """Bodies that are none, cut off, of another form, compressed, with parameters that are wrong in each way."""
    kinds = ["image/png", "application/json", "multipart/form-data; boundary=b", "multipart/form-data", "text/x", ""]
    bodies = [b"", b"x", b"{", b"[]", b'{"image_base64": 1}', b'{"image_base64": "!"}', b"--b\r\n\r\n", b"\xff" * 100]
    bodies += [b'{"image_url": "http://127.0.0.1/x"}', b'{"image_url": "file:///etc/passwd"}', b'{"image_sha256": "x"}']
    for kind in kinds:
        for body in bodies:
            listened.post("/v1/jobs", content=body, headers={"Content-Type": kind} if kind else {})
            listened.post("/v1/images", content=body, headers={"Content-Type": kind} if kind else {})
    listened.post("/v1/jobs", content=b"x", headers={"Content-Type": "image/png", "Content-Encoding": "gzip"})
    values: list[Any] = ["x", -1, 10**30, 1e999, None, [], {}, [[1]], True, "\x00", "💥" * 300, {"box": "x"}]
    names = ["n_clusters", "region", "exclude", "outputs", "recolor", "seed", "algorithm", "init", "fixed", "nothing"]
    for name in names:
        for value in values:
            post(listened, wait=None, **{name: value})
    assert {400, 415, 422} <= heard.statuses
    assert heard.found == []


@pytest.mark.parametrize("image_format", FORMATS)
def test_broken_images(listened: httpx.Client, heard: Heard, image_format: str) -> None:
    """What is wrong with an image is told in our words, by the gateway and by the worker: cut off, changed, none."""
    whole = encoded(noise(20, 20), image_format)
    for broken in [*cuts(whole, 8), *changes(whole, 30)]:
        post(listened, broken, wait=20)
    assert heard.statuses & {415, 422}
    assert heard.found == []


def test_what_is_wrong_with_us(listened: httpx.Client, heard: Heard, service: Service) -> None:
    """Records that cannot be read, and files that are not there: 500s, 503s and 404s say no more than others."""
    job = finished(listened)
    sha256 = listened.post("/v1/images", files={"image": SMALL_PNG}).json()["sha256"]
    for path in service.blobs.rglob("*"):
        if path.is_file():
            path.unlink()
    for address in job["links"].values():
        listened.get(address)
    with service.store.client() as redis:
        redis.set(job_key("1" * 32), "no hash")
        redis.hset(job_key("2" * 32), mapping={"record": "{", "status": "queued"})
        redis.set(image_record_key(sha256), b"\xff")
    for job_id in ("1" * 32, "2" * 32):
        for rest in ("", "/result", "/labels", "/events", "/palette.css"):
            listened.get(f"/v1/jobs/{job_id}{rest}")
        listened.delete(f"/v1/jobs/{job_id}")
    listened.get(f"/v1/images/{sha256}")
    listened.delete(f"/v1/images/{sha256}")
    assert 500 in heard.statuses
    assert heard.found == []


@pytest.mark.parametrize(
    "head",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: x\r\n\r\n",
        b"POST /v1/jobs HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X: y\r\n" * 200 + b"\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nX\x00Y: z\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 1\r\n\r\n",
        b"CONNECT x:443 HTTP/1.1\r\nHost: x\r\n\r\n",
    ],
)
def test_heads_that_are_none(service: Service, head: bytes) -> None:
    """What no route has seen is answered in the same words, and without a name of the server."""
    with connect(service.port) as connection:
        connection.sendall(head)
        connection.shutdown(socket.SHUT_WR)
        text = everything(connection)
    assert telling(text) == []
