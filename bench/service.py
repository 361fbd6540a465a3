"""The service beside Celery alone, on the same Redis in the same run: `python -m bench.service`.

A small job with `Prefer: wait` beside an empty task's round trip; what one gateway takes in a second, without a worker
beside it, beside what Celery enqueues; and what is run to its end in a second. Then the same where each request has a
key, beside requests that need none.
"""

import importlib
import io
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import httpx
import numpy as np
from PIL import Image

from bench import common
from bench.common import Row
from shared.access.limits import Rate
from shared.access.model import Made
from shared.jobs.keys import queued_key
from shared.jobs.routing import FAST
from tests.support.keys import Operator, client_of
from tests.support.processes import Child, Service, StoreServer
from tests.support.raw import answer, connect
from tests.support.waiting import until

SIDE = 24  # pixels, nearly all of different colours
WARM_UP, ROUNDS, TURNS = 50, 100, 5
MANY, CLIENTS = 1000, 8
# None of the limits is reached: what they cost is asking.
KEYS: dict[str, dict[str, Any]] = {
    "a key": {},
    "a key with a rate": {"requests": Rate(count=10**6, seconds=1)},
    "a key with all limits": {
        "requests": Rate(count=10**6, seconds=1),
        "max_queued": 10**6,
        "pixels_per_hour": 10**12,
    },
}


class Times(NamedTuple):
    """Of round trips, in seconds."""

    p50: float
    p99: float

    @classmethod
    def of(cls, seconds: list[float]) -> "Times":
        return cls(statistics.median(seconds), sorted(seconds)[int(0.99 * len(seconds))])


def rows(_: Path) -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as name:
        store = StoreServer("valkey", Path(name) / "store")
        os.environ["BENCH_REDIS_URL"] = store.url
        alone = importlib.import_module("bench.celery_alone")
        service = Service(store, Path(name) / "service", max_queued=10 * MANY)
        guarded = Service(store, Path(name) / "service", max_queued=10 * MANY, auth="keys")
        keys = {name: Operator(store).make(name, **limits) for name, limits in KEYS.items()}
        try:
            service.start_gateway()
            guarded.start_gateway()
            yield _taken_in(service, alone)
            yield _run_to_the_end(service, alone, Path(name))
            yield from _round_trips(service, guarded, keys["a key with all limits"], alone)
            yield from _taken_in_with_keys(service, guarded, keys)
        finally:
            guarded.stop()
            service.stop()
            store.kill()


def _round_trips(service: Service, guarded: Service, key: Made, alone: ModuleType) -> Iterator[Row]:
    """All in turns; the workers of both are there already."""
    computed: list[float] = []
    seconds: dict[str, list[float]] = {"huemill": [], "with a key": [], "celery": []}
    with service.client() as client, client_of(guarded, key) as holder:
        for turn in range(TURNS):
            for name, once in (
                ("huemill", lambda: computed.append(_job(client))),
                ("with a key", lambda: _job(holder)),
                ("celery", lambda: _empty(alone)),
            ):
                if turn == 0:
                    _timed(once, WARM_UP)
                seconds[name] += _timed(once, ROUNDS)
    ours, floor = Times.of(seconds["huemill"]), Times.of(seconds["celery"])
    compute = statistics.median(computed)
    above = 1000 * (ours.p50 - floor.p50 - compute)
    note = f"of which {1000 * compute:.2f} ms compute; {above:.2f} ms above the two"
    peer = "Celery, an empty task"
    yield Row(f"{SIDE * SIDE} pixels, p50", ours.p50, peer, floor.p50, floor.p50 / ours.p50, aim="+ 3 ms", note=note)
    yield Row(f"{SIDE * SIDE} pixels, p99", ours.p99, peer, floor.p99, floor.p99 / ours.p99)
    held, peer = Times.of(seconds["with a key"]), "the same without keys"
    yield Row(f"{SIDE * SIDE} pixels, a key with all limits, p50", held.p50, peer, ours.p50, ours.p50 / held.p50)
    yield Row(f"{SIDE * SIDE} pixels, a key with all limits, p99", held.p99, peer, ours.p99, ours.p99 / held.p99)


def _timed(once: Callable[[], Any], count: int) -> list[float]:
    seconds = []
    for _ in range(count):
        begin = time.perf_counter()
        once()
        seconds.append(time.perf_counter() - begin)
    return seconds


def _image(seed: int) -> bytes:
    """A small picture, another for each seed: what has been computed would not be computed again."""
    file = io.BytesIO()
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (SIDE, SIDE, 3), np.uint8)).save(file, "PNG")
    return file.getvalue()


_seeds = iter(range(1_000_000))


def _job(client: httpx.Client) -> float:
    """Post a job and wait for it; the seconds that its stages took."""
    headers = {"Content-Type": "image/png", "Prefer": "wait=10"}
    job = client.post("/v1/jobs", content=_image(next(_seeds)), headers=headers).raise_for_status().json()
    if job["status"] != "succeeded":
        raise RuntimeError(f"the job is {job['status']}: {job['error']}")
    return float(sum(job["result"]["timings_ms"].values()) / 1000)


def _empty(alone: ModuleType) -> None:
    alone.nothing.delay().get(timeout=10, interval=0.001)


def _taken_in(service: Service, alone: ModuleType) -> Row:
    """Submissions a second with no worker there."""
    ours = _submitted(service, MANY)
    begin = time.perf_counter()
    for _ in range(MANY):
        alone.nothing.delay()
    theirs = time.perf_counter() - begin
    note = f"{MANY / ours:.0f} and {MANY / theirs:.0f} a second"
    return Row(f"{MANY:,} submissions", ours, "Celery, enqueued", theirs, theirs / ours, aim="400 a second", note=note)


def _taken_in_with_keys(service: Service, guarded: Service, keys: dict[str, Made]) -> Iterator[Row]:
    """The same with each of the keys, in turns with submissions that need none; the workers are gone by now."""
    for worker in service.workers:
        worker.stop()
    ways: dict[str, tuple[Service, str]] = {name: (guarded, str(key.text)) for name, key in keys.items()}
    ways[""] = (service, "")
    seconds = dict.fromkeys(ways, 0.0)
    for _ in range(TURNS):
        for name, (gateway, key) in ways.items():
            seconds[name] += _submitted(gateway, MANY // TURNS, key)
    free = seconds.pop("")
    for name, held in seconds.items():
        note = f"{MANY / held:.0f} and {MANY / free:.0f} a second"
        yield Row(f"{MANY:,} submissions, {name}", held, "the same without keys", free, free / held, note=note)


def _submitted(service: Service, count: int, key: str = "") -> float:
    """The seconds of so many submissions, over some connections of a client that costs next to nothing."""
    field = f"X-API-Key: {key}\r\n" if key else ""
    head = f"POST /v1/jobs HTTP/1.1\r\nHost: bench\r\n{field}Content-Type: image/png\r\nContent-Length: "
    images = (_image(next(_seeds)) for _ in range(count))
    requests = [head.encode() + b"%d\r\n\r\n" % len(image) + image for image in images]

    def send(mine: list[bytes]) -> None:
        with connect(service.port) as connection:
            for request in mine:
                connection.sendall(request)
                if answer(connection).status != 202:
                    raise RuntimeError("a job was refused")

    begin = time.perf_counter()
    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(send, [requests[i::CLIENTS] for i in range(CLIENTS)]))
    return time.perf_counter() - begin


def _run_to_the_end(service: Service, alone: ModuleType, folder: Path) -> Row:
    """What was taken in, run by one worker each, one after the other; the time begins with the first that is done."""
    service.start_worker()
    with service.store.client() as redis:
        ours = _drained(lambda: redis.zcard(queued_key(FAST)))
    command = ["-m", "celery", "--quiet", "-A", "bench.celery_alone", "worker", "--concurrency", "1"]
    options = ["--without-gossip", "--without-mingle", "-n", "alone@%h", "-Q", "bench.alone"]
    worker = Child("alone", [sys.executable, *command, *options], folder / "alone.log", dict(os.environ))
    service.workers.append(worker)
    with service.store.client() as redis:
        theirs = _drained(lambda: redis.llen("bench.alone"))
    note = f"{MANY / ours:.0f} and {MANY / theirs:.0f} a second"
    return Row(f"{MANY:,} jobs run", ours, "Celery, empty tasks", theirs, theirs / ours, aim="250 a second", note=note)


def _drained(left: Callable[[], Any]) -> float:
    until(lambda: left() < MANY, "the first is done", 90, 0.005)
    begin = time.perf_counter()
    until(lambda: left() == 0, "all are done", 120, 0.02)
    return time.perf_counter() - begin


if __name__ == "__main__":
    common.main(rows)
