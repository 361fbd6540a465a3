"""Uploads that are too large, too slow, or broken off; and what a gateway says while no worker is there."""

import base64
import socket
import time
from collections.abc import Callable, Iterator

import httpx
import pytest

from api.intake.uploads import HELD_BYTES
from tests.support.calls import post, problem, server_sent_events
from tests.support.images import SMALL_PNG, encoded, noise
from tests.support.processes import Service, StoreServer, resident_bytes
from tests.support.waiting import until

LIMIT = 70 * 2**20
STALL_SECONDS = 1.0


@pytest.fixture(scope="module")
def lonely(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A gateway on a store of its own, without any worker."""
    store = StoreServer("valkey", tmp_path_factory.mktemp("lonely-store"))
    settings = {"max_upload_bytes": LIMIT, "upload_stall_seconds": STALL_SECONDS, "max_wait_seconds": 2}
    made = Service(store, tmp_path_factory.mktemp("lonely"), **settings)
    try:
        yield made.start_gateway()
    finally:
        made.kill()
        store.kill()


@pytest.fixture
def client(lonely: Service) -> Iterator[httpx.Client]:
    with lonely.client() as http:
        yield http


def zeros(size: int, piece: int = 2**20) -> Iterator[bytes]:
    """A chunked body without a length, as a PNG would begin."""
    yield SMALL_PNG[:8]
    for _ in range(size // piece):
        yield bytes(piece)


def whole_answer(raw: socket.socket) -> bytes:
    """All that the gateway sends until it closes the connection."""
    return b"".join(iter(lambda: raw.recv(4000), b""))


def blobs_of(lonely: Service) -> set[str]:
    return {path.name for path in lonely.blob_files()}


@pytest.mark.parametrize(("content_type", "size"), [("image/png", LIMIT + 1), ("application/json", 4 * LIMIT)])
def test_a_body_that_says_it_is_too_large(client: httpx.Client, lonely: Service, content_type: str, size: int) -> None:
    """A Content-Length over the limit is refused before a byte of the body is read, with the limit of a file."""
    before = blobs_of(lonely)
    with socket.create_connection(("127.0.0.1", lonely.port), 5) as raw:
        head = f"POST /v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Type: {content_type}\r\nContent-Length: {size}\r\n\r\n"
        raw.sendall(head.encode())
        answer = whole_answer(raw)
    assert b" 413 " in answer
    assert b"upload_too_large" in answer
    assert f"{LIMIT:,} bytes for a file".encode() in answer
    assert blobs_of(lonely) == before


@pytest.mark.parametrize("form", [False, True])
def test_a_body_without_a_length_is_cut_off(client: httpx.Client, lonely: Service, form: bool) -> None:
    """A chunked body is cut off with 413 while it streams, and nothing of it stays."""
    before = blobs_of(lonely)
    sent = 0

    def body() -> Iterator[bytes]:
        nonlocal sent
        if form:
            yield b'--b\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\n\r\n'
        for chunk in zeros(4 * LIMIT):
            sent += len(chunk)
            yield chunk

    content_type = "multipart/form-data; boundary=b" if form else "image/png"
    try:
        answer = client.post("/v1/jobs", content=body(), headers={"Content-Type": content_type})
    except httpx.WriteError:
        # The gateway closed before the client had looked for an answer: cut off all the same.
        answer = None
    if answer is not None:
        problem(answer, 413, "upload_too_large")
        assert answer.headers["connection"] == "close"
    assert sent < 2 * LIMIT
    until(lambda: blobs_of(lonely) == before, "nothing is left behind", 5)
    assert client.get("/healthz").is_success


@pytest.mark.parametrize("member", ["image_base64", "mask_base64"])
def test_json_that_is_too_large_names_the_limit_of_a_file(client: httpx.Client, member: str) -> None:
    """What counts is the file and not its base64, in the refusal too."""
    body = {"image_base64": base64.b64encode(SMALL_PNG).decode()}
    body[member] = base64.b64encode(bytes(LIMIT + 1)).decode()
    detail = problem(client.post("/v1/jobs", json=body), 413, "upload_too_large")["detail"]
    assert f"{LIMIT:,} bytes for a file" in detail


@pytest.mark.parametrize("size", [HELD_BYTES - 1, HELD_BYTES, HELD_BYTES + 1])
def test_files_are_checked_alike_from_memory_and_from_the_storage(
    client: httpx.Client, lonely: Service, size: int
) -> None:
    """Around the size up to which a file is held: a whole one is taken, one without its end is refused and removed."""
    whole = SMALL_PNG + bytes(size - len(SMALL_PNG))
    job = client.post("/v1/jobs", content=whole, headers={"Content-Type": "image/png"})
    assert job.status_code == 202
    assert job.json()["image"]["bytes"] == size
    before = blobs_of(lonely)
    end = SMALL_PNG[-12:]  # IEND
    cut = client.post("/v1/jobs", content=whole.replace(end, bytes(12)), headers={"Content-Type": "image/png"})
    problem(cut, 422, "broken_image")
    assert blobs_of(lonely) == before


def test_one_byte_over_the_limit(client: httpx.Client) -> None:
    """The limit is exact: an image may have that many bytes, and not one more."""
    end = SMALL_PNG[-12:]  # IEND
    padded = SMALL_PNG + bytes(LIMIT - len(SMALL_PNG) - len(end)) + end
    assert client.post("/v1/jobs", content=padded, headers={"Content-Type": "image/png"}).status_code == 202
    answer = client.post("/v1/jobs", content=padded + b"0", headers={"Content-Type": "image/png"})
    problem(answer, 413, "upload_too_large")


@pytest.mark.parametrize("content_type", [b"image/png", b"multipart/form-data; boundary=b"])
def test_a_client_that_breaks_off_leaves_nothing(lonely: Service, content_type: bytes) -> None:
    """When a client goes away in the middle of its upload, the part that came is removed."""
    before = blobs_of(lonely)
    with socket.create_connection(("127.0.0.1", lonely.port), 5) as raw:
        raw.sendall(b"POST /v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Type: " + content_type)
        raw.sendall(b"\r\nContent-Length: 30000000\r\n\r\n")
        if b"multipart" in content_type:
            raw.sendall(b'--b\r\nContent-Disposition: form-data; name="image"\r\n\r\n')
        raw.sendall(SMALL_PNG + bytes(12_000_000))
        until(lambda: blobs_of(lonely) != before, "the upload has begun to be written", 10)
    until(lambda: blobs_of(lonely) == before, "the begun upload is removed", 10)


def test_an_upload_that_stalls_is_cut_off(lonely: Service) -> None:
    """Who sends nothing for `upload_stall_seconds` is cut off with 408, and leaves nothing."""
    before = blobs_of(lonely)
    begin = time.monotonic()
    with socket.create_connection(("127.0.0.1", lonely.port), 10) as raw:
        raw.sendall(b"POST /v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\nContent-Length: 1000\r\n\r\n")
        raw.sendall(SMALL_PNG[:20])
        answer = whole_answer(raw)
    assert b" 408 " in answer
    assert b"upload_stalled" in answer
    assert STALL_SECONDS <= time.monotonic() - begin < STALL_SECONDS + 10
    assert blobs_of(lonely) == before


def test_only_so_many_uploads_at_once(
    own_store: Callable[..., StoreServer], own_service: Callable[..., Service]
) -> None:
    """While as many uploads as allowed are under way, any other is 503, whatever its form; each end makes room."""
    service = own_service(own_store(), max_uploads=2).start_gateway()
    head = b"POST /v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\nContent-Length: 1000\r\n"
    large = SMALL_PNG + bytes(30_000_000)
    with service.client() as client:
        for ending in ("cut off", "whole"):
            under_way = [socket.create_connection(("127.0.0.1", service.port), 5) for _ in range(2)]
            for raw in under_way:
                raw.sendall(head + b"Expect: 100-continue\r\n\r\n")
                assert b" 100 " in raw.recv(4000), "it is let in"
                raw.sendall(SMALL_PNG)
            for answer in (
                post(client, wait=None),
                client.post("/v1/jobs", content=large, headers={"Content-Type": "image/png"}),
                client.post("/v1/images", files={"image": SMALL_PNG}),
            ):
                assert "2 uploads" in problem(answer, 503, "too_many_uploads")["detail"]
                assert int(answer.headers["retry-after"]) > 0
            assert client.get("/healthz").is_success
            if ending == "whole":
                under_way[0].sendall(bytes(1000 - len(SMALL_PNG)))
                assert b" 202 " in under_way[0].recv(4000)
            for raw in under_way:
                raw.close()
            until(lambda: post(client, wait=None).status_code == 202, "there is room again", 10)


def test_an_upload_is_never_held_whole(client: httpx.Client, lonely: Service) -> None:
    """60 MB go through the gateway while its memory grows by a fraction of that."""
    assert lonely.gateway is not None
    data = encoded(noise(4500, 4500), "BMP")
    assert len(data) > 60_000_000
    assert client.post("/v1/jobs", content=SMALL_PNG, headers={"Content-Type": "image/png"}).status_code == 202
    before = resident_bytes(lonely.gateway.pid)
    answer = client.post("/v1/jobs", content=data, headers={"Content-Type": "image/bmp"})
    assert answer.status_code == 202, answer.text
    assert answer.json()["image"]["bytes"] == len(data)
    assert resident_bytes(lonely.gateway.pid, "VmHWM") - before < 40_000_000


def test_a_wait_ends_in_time(client: httpx.Client) -> None:
    """A job that does not end within `Prefer: wait` answers 202 after that time, as if nobody had waited."""
    for seconds in (0, 1):
        begin = time.monotonic()
        answer = post(client, wait=seconds)
        assert answer.status_code == 202
        assert answer.headers["preference-applied"] == f"wait={seconds}"
        assert answer.headers["location"] == f"/v1/jobs/{answer.json()['id']}"
        assert seconds <= time.monotonic() - begin < seconds + 2


def test_a_wait_has_an_upper_limit(client: httpx.Client) -> None:
    """Nobody waits longer than the operator allows, and the answer says how long it was."""
    begin = time.monotonic()
    answer = post(client, wait=3600)
    assert answer.status_code == 202
    assert answer.headers["preference-applied"] == "wait=2"
    assert time.monotonic() - begin < 20


def test_a_job_that_waits_has_no_result_yet(client: httpx.Client) -> None:
    """Results and labels of an unfinished job are 409, and the answer says where to follow it."""
    job = post(client, wait=None).json()
    for href in (job["links"]["result"], job["links"]["labels"]):
        document = problem(client.get(href), 409, "not_finished")
        assert job["links"]["events"] in document["detail"]
    answer = client.get(job["links"]["self"])
    assert answer.json()["status"] == "queued"
    assert answer.json()["progress"] == {"stage": "queued", "fraction": 0.0}
    assert answer.headers["retry-after"]


def test_without_a_worker_the_service_is_not_ready(client: httpx.Client) -> None:
    """Readiness is 503 while no worker is heard; health is not concerned."""
    answer = client.get("/readyz")
    problem(answer, 503, "no_worker")
    assert answer.headers["retry-after"]
    assert client.get("/healthz").is_success


def test_a_stream_of_a_waiting_job_stays_open(client: httpx.Client) -> None:
    """The first event is there at once; while nothing happens, comments keep the connection alive."""
    href = post(client, wait=None).json()["links"]["events"]
    with client.stream("GET", href) as answer:
        lines = answer.iter_lines()
        assert next(server_sent_events(lines))["event"] == "queued"
        assert until(lambda: next(lines), "a comment came", 10).startswith(":")
