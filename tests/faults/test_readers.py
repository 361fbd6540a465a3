"""Those who read slowly, or not at all, or too late: fault 25."""

import time
from collections.abc import Callable

import httpx
import numpy as np

from tests.support.calls import finished, problem, server_sent_events
from tests.support.images import encoded
from tests.support.jobs import ended, posted
from tests.support.processes import Service, StoreServer, resident_bytes
from tests.support.raw import stalled
from tests.support.waiting import until

Stores = Callable[..., StoreServer]
Services = Callable[..., Service]
Saw = Callable[..., None]

READERS = 500
MB = 2**20


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
        readers = stalled(service.port, f"/v1/jobs/{large['id']}/events", READERS // 2)
        for worker in service.workers:
            worker.stop()
        waiting = posted(client, n_clusters=2)
        readers += stalled(service.port, f"/v1/jobs/{waiting['id']}/events", READERS - len(readers))
        time.sleep(2)
        with_streams = resident_bytes(service.gateway.pid)
        downloads = stalled(service.port, labels, 8, "application/x-npy")
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
