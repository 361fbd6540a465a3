"""Those who read slowly, or not at all, or too late: fault 25."""

import socket
import time
from collections.abc import Callable

import httpx
import numpy as np
import pytest

from tests.support.calls import finished, problem, server_sent_events
from tests.support.images import encoded
from tests.support.jobs import ended, posted
from tests.support.processes import Service, StoreServer, resident_bytes
from tests.support.waiting import until

Stores = Callable[..., StoreServer]
Services = Callable[..., Service]
Saw = Callable[..., None]

READERS = 500
MB = 2**20


def stalled(service: Service, path: str, count: int, accept: str = "*/*") -> list[socket.socket]:
    """Clients that ask, and then read nothing."""
    found = []
    for _ in range(count):
        client = socket.create_connection(("127.0.0.1", service.port))
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAccept: {accept}\r\n\r\n".encode())
        found.append(client)
    return found


def slowest_health(client: httpx.Client, tries: int = 20) -> float:
    """The longest of some answers to /healthz, in seconds."""
    longest = 0.0
    for _ in range(tries):
        begin = time.monotonic()
        assert client.get("/healthz").is_success
        longest = max(longest, time.monotonic() - begin)
    return longest


def test_25_readers_that_stall(own_store: Stores, own_service: Services, saw: Saw) -> None:
    """500 event streams that nobody reads, and downloads of 40 MB that stall: memory is bounded, others are served."""
    service = own_service(own_store()).start_gateway()
    service.start_worker()
    service.wait_for_workers()
    assert service.gateway is not None
    # 20 million pixels in two colours: a small file, a label map of 40 MB.
    wide = np.zeros((4000, 5000, 3), np.uint8)
    wide[:, 2500:] = 255
    with service.client() as client:
        large = finished(client, encoded(wide), n_clusters=2)
        labels = f"/v1/jobs/{large['id']}/labels"
        before = resident_bytes(service.gateway.pid)
        readers = stalled(service, f"/v1/jobs/{large['id']}/events", READERS // 2)
        for worker in service.workers:
            worker.stop()
        waiting = posted(client, n_clusters=2)
        readers += stalled(service, f"/v1/jobs/{waiting['id']}/events", READERS - len(readers))
        time.sleep(2)
        with_streams = resident_bytes(service.gateway.pid)
        downloads = []
        for _ in range(8):
            download = socket.create_connection(("127.0.0.1", service.port))
            download.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            download.sendall(f"GET {labels} HTTP/1.1\r\nHost: x\r\nAccept: application/x-npy\r\n\r\n".encode())
            downloads.append(download)
        time.sleep(2)
        with_downloads = resident_bytes(service.gateway.pid)
        answered = slowest_health(client)
        whole = client.get(labels, headers={"Accept": "application/x-npy"})
        assert len(whole.content) > 40_000_000
        service.start_worker()
        done = ended(client, waiting)
        assert done["status"] == "succeeded"
        for each in [*readers, *downloads]:
            each.close()
        assert slowest_health(client) < 1
    streams, held = (with_streams - before) / MB, (with_downloads - with_streams) / MB
    assert streams < 100
    assert held < 100
    saw(readers=READERS, streams_mb=streams, eight_stalled_downloads_mb=held, slowest_healthz_s=answered)


@pytest.mark.parametrize(
    ("path", "accept"),
    [("/result?labels=inline", "*/*"), ("/files/labels.npy", "*/*"), ("/labels", "application/json")],
)
def test_27_label_maps_that_nobody_reads(
    own_store: Stores, own_service: Services, saw: Saw, path: str, accept: str
) -> None:
    """300 clients that ask for a label map of 20 megapixels and do not read: others are served, memory is bounded."""
    service = own_service(own_store()).start_gateway()
    service.start_worker()
    service.wait_for_workers()
    assert service.gateway is not None
    pid = service.gateway.pid
    wide = np.zeros((4000, 5000, 3), np.uint8)
    wide[:, ::2] = 255  # its labels are no run of the same number
    with service.client() as client:
        job = finished(client, encoded(wide), n_clusters=2)
        href = job["links"]["self"] + path
        assert len(client.get(href, headers={"Accept": accept}).content) > 40_000_000
        before = resident_bytes(pid)
        readers = stalled(service, href, 300, accept)
        seconds = []
        until_then = time.monotonic() + 15
        while time.monotonic() < until_then:
            seconds.append(slowest_health(client, 1))
            time.sleep(0.01)
        held = (resident_bytes(pid) - before) / MB
        for reader in readers:
            reader.close()
        time.sleep(3)
        left = (resident_bytes(pid) - before) / MB
        assert finished(client)["status"] == "succeeded"
    seconds.sort()
    assert held < 200
    assert seconds[len(seconds) // 2] < 0.1
    assert seconds[-1] < 5
    saw(held_mb=held, left_mb=left, health_p99_s=seconds[int(0.99 * len(seconds))], slowest_healthz_s=seconds[-1])


def test_25_a_terminal_event_is_told_again(own_store: Stores, own_service: Services, saw: Saw) -> None:
    """A client that was away comes back with Last-Event-ID: it is told the end, then expired is 410 and unknown 404."""
    service = own_service(own_store(), sweep_seconds=0.2, result_ttl_seconds=3).start_gateway()
    with service.client() as client:
        job = posted(client, n_clusters=2)
        with client.stream("GET", job["links"]["events"]) as answer:
            first = next(server_sent_events(answer.iter_lines()))
        assert first["event"] == "queued"
        service.start_worker()
        assert ended(client, job)["status"] == "succeeded"
        with client.stream("GET", job["links"]["events"], headers={"Last-Event-ID": first["id"]}) as answer:
            names = [event["event"] for event in server_sent_events(answer.iter_lines())]
        assert names[-1] == "succeeded"
        assert "queued" not in names
        until(lambda: client.get(job["links"]["result"]).status_code == 410, "the result expires", 20)
        problem(client.get(job["links"]["result"]), 410, "expired")
        problem(client.get(job["links"]["labels"]), 410, "expired")
        problem(client.get(f"/v1/jobs/{'0' * 32}/result"), 404, "not_found")
        assert client.get(job["links"]["self"]).json()["status"] == "succeeded"
        problem(client.get(job["links"]["events"]), 410, "expired")
    saw(events_after_coming_back=len(names))
