"""Everybody who has to do with jobs, on one store: for models of what they may do to each other."""

from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import redis

from shared.jobs.guard import GuardStore
from shared.jobs.outbox import OutboxStore
from shared.jobs.worker import WorkerStore
from shared.runtime.settings import Settings
from tests.support.bench import guard_store, worker_store
from tests.support.gateway import Gateway, gateway
from tests.support.processes import StoreServer

WORKERS = 3
MAX_ATTEMPTS = 3
LONG = 10_000.0  # nothing becomes due by itself: a rule lets time come

T = TypeVar("T")


@dataclass
class Hands:
    """Everybody's side of one store, kept open for all runs."""

    parts: Gateway
    workers: list[WorkerStore]
    guard: GuardStore
    outbox: OutboxStore
    client: redis.Redis

    def ask(self, question: Coroutine[Any, Any, T]) -> T:
        return self.parts.run(question)

    def clear(self) -> None:
        """Forget all jobs and messages; kombu's own bindings stay, as they do in a service."""
        keys = [key for key in self.client.scan_iter() if not key.startswith(b"_kombu")]
        if keys:
            self.client.delete(*keys)


@contextmanager
def hands_on(server: StoreServer, folder: Path) -> Iterator[Hands]:
    long = {"lease_seconds": LONG, "resend_seconds": LONG, "result_ttl_seconds": LONG}
    made = Settings(redis_url=server.url, blob_url=(folder / "blobs").as_uri(), max_attempts=MAX_ATTEMPTS, **long)
    stores = [worker_store(made, f"mill:{number}") for number in range(WORKERS)]
    with gateway(made) as parts, server.client() as client:
        yield Hands(parts, stores, guard_store(made), OutboxStore(parts.redis, lease_seconds=LONG), client)
