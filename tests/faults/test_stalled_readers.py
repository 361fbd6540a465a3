"""Fault 27: readers that ask for much, or listen for long, and do not read."""

import itertools
import select
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import numpy as np
import pytest

from shared.jobs.keys import events_key
from tests.support import health
from tests.support.calls import finished, server_sent_events
from tests.support.images import encoded
from tests.support.jobs import ended, posted
from tests.support.processes import Service, StoreServer, reset_peak, resident_bytes
from tests.support.raw import everything, stalled, stalled_sockets
from tests.support.waiting import until

pytestmark = pytest.mark.alone


Stores = Callable[..., StoreServer]
Services = Callable[..., Service]
Saw = Callable[..., None]

MB = 2**20
STALL_SECONDS = 5
EVENTS = 4_000
# As often the gateway looks whether a crowd has left.
LOOK_SECONDS = 10


@pytest.fixture
def impatient(own_store: Stores, own_service: Services) -> Service:
    """A gateway that waits for its readers only for some seconds, and a worker."""
    service = own_service(own_store(), reader_stall_seconds=STALL_SECONDS).start_gateway()
    service.start_worker()
    return service.wait_for_workers()


def label_map(client: httpx.Client, path: str) -> str:
    """The address of a label map of 20 million pixels in two colours: a small file, 40 MB of labels, which are noise as
    far as deflate looks back.
    """
    strip = np.random.default_rng(0).integers(0, 2, (40, 5000, 1), np.uint8)
    wide = np.tile(255 * strip, (100, 1, 3))
    return path.format(id=finished(client, encoded(wide), n_clusters=2)["id"])


def many_events(service: Service, client: httpx.Client) -> str:
    """The address of the events of a job that has told more than a network holds for a reader."""
    for worker in service.workers:
        worker.stop()
    job = posted(client, n_clusters=2)
    with service.store.client() as redis:
        pipe = redis.pipeline()
        for _ in range(EVENTS):
            pipe.xadd(events_key(job["id"]), {"name": "progress", "data": '{"stage": "cluster", "fraction": 0.5}'})
        pipe.execute()
    return str(job["links"]["events"])


def attack(
    service: Service, path: str, count: int, accept: str, most_mb: float, encoding: str = ""
) -> dict[str, float]:
    """Let `count` readers ask and not read: others are served, all are cut off; what memory and time say of it."""
    assert service.gateway is not None
    pid = service.gateway.pid
    before = health.quiet(service.port)
    at_rest = resident_bytes(pid) / MB
    reset_peak(pid)
    readers = []
    begin = time.monotonic()
    with health.asked(service.port) as asked:
        try:
            readers = stalled(service.port, path, count, accept, encoding)
            until(lambda: held(service, readers) == 0, "no reader is held any more", 60, 0.5)
            closed_after = time.monotonic() - begin
        finally:
            for reader in readers:
                reader.close()
        time.sleep(LOOK_SECONDS + 1)
    peak, after = resident_bytes(pid, "VmHWM") / MB - at_rest, resident_bytes(pid) / MB - at_rest
    assert peak < most_mb
    return {"closed_after_s": closed_after, "peak_mb": peak, "after_mb": after, **health.check(asked, before)}


def held(service: Service, readers: list[socket.socket]) -> int:
    """How many of the readers' connections the gateway still has."""
    assert service.gateway is not None
    theirs = {reader.getsockname()[1] for reader in readers}
    lines = Path(f"/proc/{service.gateway.pid}/net/tcp").read_text().splitlines()[1:]
    established = [line.split() for line in lines]
    # Each once: while it is read the table changes.
    remotes = {
        int(remote.rpartition(":")[2], 16)
        for _, local, remote, state, *_ in established
        if state == "01" and int(local.rpartition(":")[2], 16) == service.port
    }
    return len(remotes & theirs)


@pytest.mark.parametrize(
    ("path", "accept", "encoding"),
    [
        ("/v1/jobs/{id}/result?labels=inline", "application/json", ""),
        ("/v1/jobs/{id}/labels", "application/json", ""),
        ("/v1/jobs/{id}/labels", "application/json", "gzip"),
        ("/v1/jobs/{id}/labels", "application/x-npy", ""),
    ],
    ids=["inline", "JSON", "gzip", "npy"],
)
def test_27_readers_of_label_maps_that_do_not_read(
    impatient: Service, saw: Saw, path: str, accept: str, encoding: str
) -> None:
    """300 readers of a 20 MP label map who take nothing are cut off in time, others are served, memory comes back."""
    with impatient.client() as client:
        labels = label_map(client, path)
        saw(readers=300, **(seen := attack(impatient, labels, 300, accept, 150, encoding)))
        assert seen["closed_after_s"] < STALL_SECONDS + 20
        assert seen["after_mb"] < 50
        assert client.get(labels, headers={"Accept": accept}).is_success


def test_27_more_readers_than_there_is_memory_for(impatient: Service, saw: Saw) -> None:
    """2,500 readers of inline label maps take no more than 500 do: the longest-stalled go first."""
    with impatient.client() as client:
        labels = label_map(client, "/v1/jobs/{id}/result?labels=inline")
        saw(readers=2500, **attack(impatient, labels, 2500, "application/json", most_mb=300))
        assert client.get(labels).is_success


def test_27_readers_of_long_event_streams_that_do_not_read(impatient: Service, saw: Saw) -> None:
    """2,000 readers of an event stream who take nothing of what there is are cut off, and a slow one is not."""
    heard: list[str] = []

    def read_slowly() -> None:
        with impatient.client() as client, client.stream("GET", events) as answer:
            for event in itertools.islice(server_sent_events(answer.iter_lines()), EVENTS + 1):
                heard.append(event["event"])
                time.sleep(0.005)

    with impatient.client() as client:
        events = many_events(impatient, client)
    slow = threading.Thread(target=read_slowly)
    slow.start()
    saw(readers=2000, **attack(impatient, events, 2000, "text/event-stream", most_mb=300))
    slow.join(60)
    assert heard == ["queued", *["progress"] * EVENTS]


def test_27_listeners_to_whom_nothing_is_told(impatient: Service, saw: Saw) -> None:
    """2,000 event streams and 500 WebSockets on which nothing happens are held, with 30 kB each and few connections to
    Redis; others are served, and all hear of the end.
    """
    assert impatient.gateway is not None
    pid = impatient.gateway.pid
    for worker in impatient.workers:
        worker.stop()
    with impatient.client() as client, impatient.store.client() as redis:
        job = posted(client, n_clusters=2)
        before = health.quiet(impatient.port)
        at_rest = resident_bytes(pid)
        begin = time.monotonic()
        with health.asked(impatient.port) as asked:
            listeners = stalled(impatient.port, job["links"]["events"], 2000)
            listeners += stalled_sockets(impatient.port, job["links"]["ws"], 500)
            until(lambda: all(readable(listeners)), "all have heard that it is queued", 90, 0.5)
            opened = time.monotonic() - begin
            time.sleep(15)
            each = (resident_bytes(pid) - at_rest) / len(listeners)
            connections = len(redis.client_list())
            assert held(impatient, listeners) == len(listeners)
        impatient.start_worker()
        assert ended(client, job)["status"] == "succeeded"
        until(lambda: held(impatient, listeners[:2000]) == 0, "the streams have ended", 90, 0.5)
        assert all(b"event: succeeded" in everything(listener) for listener in listeners[:2000:100])
        for listener in listeners[2000::50]:
            listener.settimeout(5)
            assert b'"event":"succeeded"' in listener.recv(65536)
        for listener in listeners:
            listener.close()
    assert each < 30 * 1024
    assert connections < 200
    seen = {"opened_after_s": opened, "kb_each": each / 1024, "connections": connections}
    saw(listeners=len(listeners), **seen, **health.check(asked, before))


def readable(sockets: list[socket.socket]) -> list[bool]:
    poll = select.poll()
    for each in sockets:
        poll.register(each, select.POLLIN)
    ready = {descriptor for descriptor, _ in poll.poll(0)}
    return [each.fileno() in ready for each in sockets]
