"""A Redis that is there, and refuses: made a replica, without its replicas, with another password, emptied."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from redis import Redis

from tests.faults.test_redis import probe
from tests.support.calls import post, problem
from tests.support.jobs import IMPATIENT, LONGER, ended, posted, running_job
from tests.support.processes import Service, StoreServer, free_port

Stores = Callable[..., StoreServer]
Services = Callable[..., Service]
Saw = Callable[..., None]

TROUBLE_SECONDS = 6.0  # long enough for everyone to have asked several times


@contextmanager
def replica(redis: Redis) -> Iterator[None]:
    """A failover: this one takes no writes any more (READONLY)."""
    redis.replicaof("127.0.0.1", free_port())
    yield
    redis.replicaof("NO", "ONE")


@contextmanager
def without_replicas(redis: Redis) -> Iterator[None]:
    """It takes no writes because they would be nowhere else (NOREPLICAS); so it is when its disk is full (MISCONF)."""
    redis.config_set("min-replicas-to-write", 1)
    yield
    redis.config_set("min-replicas-to-write", 0)


@contextmanager
def another_password(redis: Redis) -> Iterator[None]:
    """Nobody who comes anew is let in (WRONGPASS), and nobody stays."""
    before = redis.config_get("requirepass")["requirepass"]
    redis.config_set("requirepass", "another")
    redis.client_kill_filter(_type="normal", skipme=True)
    yield
    redis.config_set("requirepass", before)


@pytest.mark.parametrize("trouble", [replica, without_replicas, another_password], ids=lambda trouble: trouble.__name__)
def test_redis_refuses(
    own_store: Stores, own_service: Services, saw: Saw, trouble: Callable[..., Iterator[None]]
) -> None:
    """Posts are 503 meanwhile; the worker stays the same, and goes on by itself when Redis takes writes again."""
    store = own_store()
    service = own_service(store, **{**IMPATIENT, "lease_seconds": 15}).start_gateway()
    worker = service.start_worker()
    service.wait_for_workers()
    with service.client() as client, store.client() as redis:
        running = running_job(client)
        with trouble(redis):
            end = time.monotonic() + TROUBLE_SECONDS
            while time.monotonic() < end:
                problem(post(client, wait=None), 503, "unavailable")
                time.sleep(0.5)
        took = probe(client)
        done = ended(client, running)
        assert (done["status"], done["attempt"]) == ("succeeded", 1)
        worker.check()
    saw(probe_done_after_s=took, attempts_of_the_running_job=done["attempt"])


def test_redis_is_emptied(own_store: Stores, own_service: Services, saw: Saw) -> None:
    """After FLUSHALL jobs are unknown, what runs for them stops, and new ones are done without a restart."""
    store = own_store()
    service = own_service(store, **IMPATIENT, collect_seconds=1, orphan_seconds=1).start_gateway()
    worker = service.start_worker()
    service.wait_for_workers()
    with service.client() as client, store.client() as redis:
        running, queued = running_job(client, **LONGER), posted(client)
        redis.flushall()
        for job in (running, queued):
            problem(client.get(job["links"]["self"]), 404, "not_found")
        took = probe(client)
        service.wait_for_workers()
        worker.check()
    saw(probe_done_after_s=took)
