"""Fault 21: uploads that are endless, slow, of a thousand parts, or too much for the disk; and slow URLs."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import httpx
import pytest

from tests.support.calls import post, problem
from tests.support.images import SMALL_PNG, encoded, noise
from tests.support.processes import Service, StoreServer
from tests.support.waiting import until
from tests.support.web import Web, raw

HEALTHY_SECONDS = 0.1
STALL_SECONDS = 2.0
LIMIT = 20 * 2**20
HEAD = b"POST /v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\n"

Start = Callable[..., Service]
See = Callable[..., None]


@pytest.fixture
def gateway(own_store: Callable[..., StoreServer], own_service: Start) -> Service:
    settings = {"max_upload_bytes": LIMIT, "upload_stall_seconds": STALL_SECONDS}
    return own_service(own_store(), **settings).start_gateway()


@contextmanager
def asking_for_health(service: Service) -> Iterator[list[float]]:
    """Asks the gateway how it is, again and again; the seconds of each answer."""
    seconds: list[float] = []
    over = threading.Event()

    def ask() -> None:
        with service.client() as client:
            client.get("/healthz")
            ended = False
            while not ended:
                begin = time.monotonic()
                assert client.get("/healthz").is_success
                seconds.append(time.monotonic() - begin)
                ended = over.wait(0.02)

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield seconds
    finally:
        over.set()
        thread.join()
    assert seconds


def check_health(seconds: list[float]) -> float:
    """The median answer is quick; the machine that runs the tests may be slow at times."""
    middle = sorted(seconds)[len(seconds) // 2]
    assert middle < HEALTHY_SECONDS
    return middle


def test_a_byte_now_and_then(gateway: Service, saw: See) -> None:
    """Fifty clients that send a byte five times a second are all cut off with 408, long before they are done."""
    answers: list[bytes] = []

    def drip() -> None:
        answer = b""
        with socket.create_connection(("127.0.0.1", gateway.port), 10) as connection, suppress(ConnectionError):
            connection.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n8\r\n" + SMALL_PNG[:8] + b"\r\n")
            for _ in range(100):
                connection.settimeout(0.2)
                with suppress(TimeoutError):
                    answer = connection.recv(4000)
                    break
                connection.sendall(b"1\r\nx\r\n")
            connection.settimeout(5)
            while more := connection.recv(4000):  # until the gateway closes
                answer += more
        answers.append(answer)

    begin = time.monotonic()
    threads = [threading.Thread(target=drip) for _ in range(50)]
    with asking_for_health(gateway) as seconds:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    took = time.monotonic() - begin
    # A byte that crosses with the end makes the network forget the answer: such a client is cut off all the same.
    told = [answer for answer in answers if b" 408 " in answer]
    assert any(b"upload_stalled" in answer for answer in told)
    assert len(answers) == 50
    assert len(told) > 25
    assert all(answer == b"" for answer in answers if answer not in told)
    assert STALL_SECONDS <= took < STALL_SECONDS + 5
    until(lambda: gateway.blob_files() == [], "nothing is left behind", 5)
    saw(
        told=len(told),
        cut_off_after_seconds=took,
        health_seconds=check_health(seconds),
        worst_health_seconds=max(seconds),
    )


def test_bodies_without_a_length_and_without_an_end(gateway: Service, saw: See) -> None:
    """Eight endless bodies at once are cut off with 413 at the limit."""
    codes: list[object] = []

    def endless() -> Iterator[bytes]:
        yield SMALL_PNG[:8]
        for _ in range(1000):
            yield bytes(2**20)

    def send() -> None:
        with gateway.client() as client:
            try:
                codes.append(
                    client.post("/v1/jobs", content=endless(), headers={"Content-Type": "image/png"}).json()["code"]
                )
            except httpx.WriteError:
                codes.append("cut off")  # before the client had looked for an answer

    threads = [threading.Thread(target=send) for _ in range(8)]
    with asking_for_health(gateway) as seconds:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert set(codes) <= {"upload_too_large", "cut off"}
    until(lambda: gateway.blob_files() == [], "nothing is left behind", 5)
    saw(health_seconds=check_health(seconds), worst_health_seconds=max(seconds))


def test_slow_servers(own_store: Callable[..., StoreServer], own_service: Start, saw: See) -> None:
    """Thirty URLs whose servers drip hold only those who asked; each is told so in time, and nothing is left."""
    with closing(Web("127.0.0.2")) as web:
        settings = {"fetch_urls": True, "fetch_allow": "127.0.0.2", "fetch_ports": web.port, "fetch_timeout_seconds": 2}
        service = own_service(own_store(), **settings).start_gateway()
        over = threading.Event()
        web.answers["/slow"] = raw(b"HTTP/1.1 200 OK\r\n\r\n", *[b"x"] * 600, pause=0.1, stop=over)
        codes: list[str] = []

        def ask() -> None:
            codes.append(client.post("/v1/jobs", json={"image_url": web.url("/slow")}).json()["code"])

        threads = [threading.Thread(target=ask) for _ in range(30)]
        begin = time.monotonic()
        with service.client() as client, asking_for_health(service) as seconds:
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        took = time.monotonic() - begin
        over.set()
    assert codes == ["fetch_failed"] * 30
    assert took < 7
    assert service.blob_files() == []
    saw(seconds=took, health_seconds=check_health(seconds), worst_health_seconds=max(seconds))


@pytest.mark.parametrize("name", ["params", "other", "image"])
def test_a_thousand_parts(gateway: Service, saw: See, name: str) -> None:
    """A form of 1,001 parts is refused at the first part too many, whatever the parts are."""
    part = f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{{}}\r\n'.encode()
    begin = time.monotonic()
    with gateway.client() as client:
        body = part * 1001 + b"--b--\r\n"
        answer = client.post("/v1/jobs", content=body, headers={"Content-Type": "multipart/form-data; boundary=b"})
        problem(answer, 400, "invalid_request")
    saw(seconds=time.monotonic() - begin)
    assert gateway.blob_files() == []


def test_a_full_disk(own_store: Callable[..., StoreServer], own_service: Start, saw: See) -> None:
    """On a full disk uploads, images from JSON and images to be stored are 507; it goes on when there is room."""
    service = own_service(own_store())
    service.blobs.mkdir(parents=True)
    # A mount namespace of its own, in which the blobs' folder is a small disk.
    mount = 'mount -t tmpfs -o size=8m none "$0" && exec "$@"'
    service.start_gateway(under=["unshare", "-rm", "sh", "-c", mount, str(service.blobs)])
    assert service.gateway is not None
    disk = Path(f"/proc/{service.gateway.pid}/root{service.blobs}")

    def files() -> list[str]:
        return sorted(path.name for path in disk.rglob("*") if path.is_file())

    large = encoded(noise(1400, 1400), "BMP")
    with service.client() as client:
        first = post(client, large, wait=None)
        assert first.status_code == 202, first.text
        with asking_for_health(service) as seconds:
            for _ in range(3):
                answer = post(client, large, wait=None)
                assert problem(answer, 507, "storage_full")
                assert answer.headers["retry-after"]
                files_of_form = {"image": SMALL_PNG, "mask": large}
                problem(client.post("/v1/jobs", files=files_of_form), 507, "storage_full")
                problem(
                    client.post("/v1/images", content=large, headers={"Content-Type": "image/bmp"}), 507, "storage_full"
                )
        until(lambda: files() == [first.json()["id"]], "nothing of the others is left", 5)
        assert post(client, wait=None).status_code == 202
        assert client.delete(first.json()["links"]["self"]).status_code == 204
        assert post(client, large, wait=None).status_code == 202
    saw(health_seconds=check_health(seconds), worst_health_seconds=max(seconds))
