"""What a soak's processes hold while they run, and what is left of everything at its end."""

import os
import statistics
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import redis

from shared.jobs.keys import DELIVERY_PREFIX, DUE, had_key, pace_key, queued_key, virtual_time_key
from shared.jobs.routing import QUEUES
from tests.support.processes import Service, Store, children_of, resident_bytes
from tests.support.waiting import until

EVERY_SECONDS = 1.0
MIB = 2**20
# Growth from the second quarter of a run to its last quarter. A worker's child keeps what its largest job took (of
# these jobs some 100 MiB), and a reference job brings scikit-learn with it; a leak of a job's image would be far more.
MOST_GROWTH = {"gateway MiB": 24.0, "worker MiB": 24.0, "child MiB": 128.0, "gateway files": 15.0, "connections": 15.0}
# What a service keeps in Redis though no job is there: kombu's lists of queues, who is alive, how quick queues are, and
# how far turns have got.
BOOKKEEPING = ("_kombu.binding", "huemill:workers", *map(pace_key, QUEUES), *map(virtual_time_key, QUEUES))
# What goes by itself, some time after its job: a request's key, who has done a work, what an owner has used and had,
# what was told.
_HAD = tuple(had_key(queue, "") for queue in QUEUES)
PASSING = ("huemill:idempotency:", "huemill:work:", "huemill:used:", DELIVERY_PREFIX, *_HAD)
OPERATORS = ("huemill:key:", "huemill:keys")  # API keys are theirs to remove


class Sample(NamedTuple):
    age: float
    values: dict[str, float]


class Census(threading.Thread):
    """Counts once a second, whenever all are there to be counted."""

    def __init__(self, service: Service, store: Store) -> None:
        super().__init__(name="census", daemon=True)
        self._service, self._store = service, store
        self.samples: list[Sample] = []
        self.stopping = threading.Event()

    def run(self) -> None:
        begin = time.monotonic()
        while not self.stopping.wait(EVERY_SECONDS):
            # A killed store or child is not there: then there is no sample.
            with (
                suppress(redis.RedisError, FileNotFoundError, ProcessLookupError, IndexError),
                self._store.client() as client,
            ):
                self.samples.append(Sample(time.monotonic() - begin, self._now(client)))

    def _now(self, client: redis.Redis) -> dict[str, float]:
        assert self._service.gateway is not None
        gateway, worker = self._service.gateway.pid, self._service.workers[0].pid
        return {
            "gateway MiB": resident_bytes(gateway) / MIB,
            "worker MiB": resident_bytes(worker) / MIB,
            "child MiB": resident_bytes(children_of(worker)[0]) / MIB,
            "gateway files": float(len(list(Path(f"/proc/{gateway}/fd").iterdir()))),
            "connections": float(client.info("clients")["connected_clients"]),
        }

    def growth(self) -> dict[str, tuple[float, float]]:
        """Of each number the median of the second quarter of the run and that of the last one."""
        if len(self.samples) < 8:
            return {}
        quarter = len(self.samples) // 4
        early, late = self.samples[quarter : 2 * quarter], self.samples[-quarter:]
        return {
            name: tuple(statistics.median(sample.values[name] for sample in part) for part in (early, late))  # type: ignore[misc]
            for name in MOST_GROWTH
        }


def wait_until_expired(service: Service, store: Store, seconds: float) -> list[str]:
    """Wait until every job has expired and every orphan is collected; what is left after that."""
    with store.client() as client:
        with suppress(AssertionError):
            until(lambda: not leftovers(service, client), "nothing is left", seconds, 0.5)
        return leftovers(service, client)


def leftovers(service: Service, client: redis.Redis) -> list[str]:
    """Files and keys that nobody will remove."""
    found = [f"file {path.relative_to(service.folder)}" for path in service.blob_files()]
    for key in map(bytes.decode, client.scan_iter(count=1000)):
        if key.startswith((*BOOKKEEPING, *OPERATORS)):
            continue
        # Of an expired job the bare record says «gone» for a while, of a withdrawn one a note that it must not be
        # created any more; both go by themselves.
        passing = key.startswith(PASSING) or (
            key.startswith("huemill:job:")
            and (key.endswith(":withdrawn") or (key.count(":") == 2 and _has_ended(client, key)))
        )
        # -1: never; -2: it has gone meanwhile.
        if not (passing and client.ttl(key) != -1):
            found.append(f"key {key}: {_said(client, key)}")
    found += [f"{client.zcard(key)} members of {key}" for key in (DUE, *map(queued_key, QUEUES)) if client.zcard(key)]
    return found


def _said(client: redis.Redis, key: str) -> str:
    """What there is to know of a key that is left."""
    held: Any = None
    match client.type(key):
        case b"hash":
            held = {name: value for name, value in client.hgetall(key).items() if len(value) < 100}
        case b"set":
            held = client.smembers(key)
    return f"{held}, goes in {client.ttl(key)} s"


def _has_ended(client: redis.Redis, key: str) -> bool:
    return client.hget(key, "status") in (b"succeeded", b"failed", b"cancelled")


def bookkeeping(store: Store) -> dict[str, int]:
    """How much of it there is: it must not grow with the jobs, or the workers that came and went."""
    with store.client() as client:
        keys = sorted(key for key in map(bytes.decode, client.scan_iter(count=1000)) if key.startswith(BOOKKEEPING))
        return {key: _size(client, key) for key in keys}


def _size(client: redis.Redis, key: str) -> int:
    kind = client.type(key)
    sizes = {b"zset": client.zcard, b"set": client.scard, b"hash": client.hlen, b"list": client.llen}
    return 1 if kind == b"string" else int(sizes[kind](key))


def processes_of(folder: Path) -> list[str]:
    """All processes that were started for a service in that folder, by their environment."""
    found = []
    for entry in Path("/proc").iterdir():
        with suppress(OSError):
            if entry.name.isdecimal() and os.fsencode(f"={folder.as_uri()}/") in (entry / "environ").read_bytes():
                found.append(f"{entry.name} {(entry / 'comm').read_text().strip()}")
    return found
