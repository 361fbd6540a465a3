"""Redis comes late, is killed, cut off, silent, full: faults 9 to 12."""

import os
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator

import httpx
import pytest

from tests.faults.test_messages import all_done, posted_many
from tests.support.calls import finished, post, problem
from tests.support.images import SMALL_PNG
from tests.support.jobs import IMPATIENT, ended, now_of, posted, running_job
from tests.support.network import INSIDE, Network
from tests.support.processes import Service, StoreServer
from tests.support.proxy import Proxy
from tests.support.waiting import until

Stores = Callable[..., StoreServer]
Services = Callable[..., Service]
Saw = Callable[..., None]

CONSUME_SECONDS = 30


@pytest.fixture
def network() -> Iterator[Network]:
    """A network whose packets can be dropped."""
    missing = [name for name in ("ip", "iptables") if shutil.which(name) is None]
    if missing or os.geteuid() != 0:
        message = f"this needs root, and {' and '.join(missing) or 'nothing else'}"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    made = Network()
    yield made
    made.close()


def probe(client: httpx.Client) -> float:
    """Post small jobs until one is accepted and done; the seconds that it took."""
    begin = time.monotonic()

    def done() -> bool:
        try:
            answer = post(client, wait=5)
        except httpx.TransportError:
            return False
        return answer.status_code == 200 and answer.json()["status"] == "succeeded"

    until(done, "a job is done again", CONSUME_SECONDS, 0.2)
    return time.monotonic() - begin


def test_start_order_does_not_matter(own_store: Stores, own_service: Services, saw: Saw) -> None:
    """Gateway and worker start while Redis is not there, say so, and work once it is."""
    store = own_store()
    store.kill()
    service = own_service(store, **IMPATIENT).start_gateway()
    worker = service.start_worker()
    with service.client() as client:
        problem(post(client, wait=None), 503, "unavailable")
        problem(client.get("/readyz"), 503, "unavailable")
        until(lambda: "Cannot connect" in worker.text(), "the worker waits", 60)
        store.start()
        took = probe(client)
        worker.check()
        service.wait_for_workers()
    saw(first_job_done_after_s=took)


@pytest.mark.parametrize("kind", ["valkey", "redis-server"])
def test_9_redis_is_killed(own_store: Stores, own_service: Services, saw: Saw, kind: str) -> None:
    """Redis is killed with 500 jobs queued and starts again: all are done, by the worker that was there."""
    store = own_store(kind)
    service = own_service(store, threads=1, **IMPATIENT).start_gateway()
    with service.client() as client:
        jobs = posted_many(client, 500)
        worker = service.start_worker()
        until(lambda: len(worker.said("succeeded")) > 30, "the worker is at it", 60)
        store.kill()
        refused = post(client, wait=None)
        problem(refused, 503, "unavailable")
        assert int(refused.headers["retry-after"]) >= 1
        time.sleep(5)  # long enough for everyone to have noticed
        before = len(worker.said("succeeded"))
        assert before < len(jobs)
        store.start()
        begin = time.monotonic()
        until(lambda: len(worker.said("succeeded")) > before + 3, "the worker consumes", CONSUME_SECONDS)
        took = time.monotonic() - begin
        all_done(client, jobs)
        worker.check()
    saw(jobs=len(jobs), done_before=before, lost=0, consumes_again_after_s=took)


def test_9_redis_forgets_the_last_second(own_store: Stores, own_service: Services, saw: Saw) -> None:
    """Redis comes back without the end of a job, as it may with `appendfsync everysec`: the job is done once more."""
    store = own_store()
    service = own_service(store, **IMPATIENT).start_gateway()
    service.start_worker()
    service.wait_for_workers()
    with service.client() as client:
        job = running_job(client)
        kept, log = store.folder / "kept", store.folder / "appendonlydir"
        shutil.copytree(log, kept)
        assert ended(client, job)["attempt"] == 1
        time.sleep(2)  # as long as that store may be behind
        store.kill()
        shutil.rmtree(log)
        kept.rename(log)
        store.start()
        until(lambda: client.get(job["links"]["self"]).is_success, "the gateway answers again", 30)
        assert now_of(client, job)["status"] != "succeeded"
        done = ended(client, job)
        assert (done["status"], done["attempt"]) == ("succeeded", 2)
        assert client.get(job["links"]["result"]).is_success
        until(lambda: not [p for p in service.blob_files() if "uploads" in p.parts], "the upload goes then", 12)
    saw(attempts=done["attempt"])


def test_14_stopped_while_redis_is_away(own_store: Stores, own_service: Services, saw: Saw) -> None:
    """A worker that is stopped while Redis is gone ends all the same, soon after its grace time."""
    store = own_store()
    service = own_service(store, **IMPATIENT, drain_seconds=1).start_gateway()
    worker = service.start_worker()
    service.wait_for_workers()
    with service.client() as client:
        running_job(client)
        store.kill()
        time.sleep(2)
        begin = time.monotonic()
        worker.process.terminate()
        worker.process.wait(15)
        took = time.monotonic() - begin
        store.start()
    assert took < 10
    saw(exit_after_s=took)


def test_10_ten_resets(own_store: Stores, own_service: Services, saw: Saw) -> None:
    """Ten resets of all connections within 3 s, in mid-job: a probe is done within 30 s, and what ran is done too."""
    store = own_store()
    proxy = Proxy(store.port)
    service = own_service(store, store_port=proxy.port, **IMPATIENT).start_gateway()
    worker = service.start_worker()
    service.wait_for_workers()
    try:
        with service.client() as client:
            job = running_job(client)
            broken = 0
            for _ in range(10):
                broken += proxy.reset()
                time.sleep(0.3)
            took = probe(client)
            done = ended(client, job)
            assert done["status"] == "succeeded"
            worker.check()
    finally:
        service.stop()
        proxy.close()
    saw(connections_reset=broken, probe_done_after_s=took, attempts_of_the_running_job=done["attempt"])


def test_10_resets_while_it_is_asked(own_store: Stores, own_service: Services, saw: Saw) -> None:
    """Whenever its connections are reset, a gateway answers, or says that it cannot now: that is no defect."""
    store = own_store()
    proxy = Proxy(store.port)
    service = own_service(store, store_port=proxy.port, **IMPATIENT).start_gateway()
    seen: Counter[int] = Counter()
    try:
        with service.client() as client:
            job = posted(client)
            for _ in range(300):
                proxy.reset()
                answer = client.get(job["links"]["self"])
                assert answer.status_code in (200, 503), answer.text
                seen[answer.status_code] += 1
    finally:
        service.stop()
        proxy.close()
    assert seen[200]
    saw(resets=300, answered=seen[200], unavailable=seen[503])


def test_11_packets_are_dropped(own_store: Stores, own_service: Services, saw: Saw, network: Network) -> None:
    """Every packet to and from Redis is lost without a reset: 503 within 10 s, and work within 30 s of the healing."""
    store = own_store(host=INSIDE, under=network.under)
    service = own_service(store, **{**IMPATIENT, "lease_seconds": 3}).start_gateway()
    worker = service.start_worker()
    service.wait_for_workers()
    with service.client() as client:
        job = running_job(client)
        network.drop()
        waits = []
        for send in (lambda: post(client, wait=None), lambda: client.get(job["links"]["self"])):
            begin = time.monotonic()
            problem(send(), 503, "unavailable")
            waits.append(time.monotonic() - begin)
        assert max(waits) < 10
        time.sleep(10)  # long enough for every timeout to have struck
        assert client.get("/healthz").is_success
        network.heal()
        took = probe(client)
        done = ended(client, job)
        assert done["status"] == "succeeded"
        worker.check()
    saw(refused_after_s=max(waits), probe_done_after_s=took, attempts_of_the_running_job=done["attempt"])


def test_12_redis_is_full(own_store: Stores, own_service: Services, saw: Saw) -> None:
    """At `maxmemory` posts are refused and leave nothing, what was accepted goes on, and posts work with room."""
    store = own_store("redis-server")
    service = own_service(store, **IMPATIENT).start_gateway()
    worker = service.start_worker()
    service.wait_for_workers()
    with service.client() as client, store.client() as redis:
        running = running_job(client)
        queued = [posted(client, SMALL_PNG, n_clusters=2) for _ in range(5)]
        redis.config_set("maxmemory", redis.info("memory")["used_memory"] - 2**16)
        before, files = redis.dbsize(), len([p for p in service.blob_files() if "uploads" in p.parts])
        for _ in range(20):
            refused = post(client, wait=None)
            problem(refused, 503, "unavailable")
            assert int(refused.headers["retry-after"]) >= 1
        assert len([p for p in service.blob_files() if "uploads" in p.parts]) <= files
        assert ended(client, running)["status"] == "succeeded"
        assert redis.info("stats")["evicted_keys"] == 0
        after = redis.dbsize()
        redis.config_set("maxmemory", 0)
        took = probe(client)
        all_done(client, queued)
        worker.check()
        assert finished(client)["attempt"] == 1
    saw(refused=20, orphans=0, evicted=0, keys_before=before, keys_at_the_end=after, probe_done_after_s=took)
