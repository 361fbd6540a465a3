"""A Redis user that may do what huemill needs, and nothing else: the line in docs/operations.md."""

import os
import re
import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from kombu import Queue as KombuQueue
from kombu import pools
from kombu.exceptions import KombuError
from redis import Redis
from redis.exceptions import NoPermissionError, RedisError

from shared.access.limits import KeyLimits, Rate
from shared.access.model import made_key
from shared.access.quotas import QuotaStore
from shared.access.store import KeyBook, KeyReader
from shared.contract.errors import HuemillError
from shared.contract.params import KMeansParams
from shared.jobs import worker
from shared.jobs.deliveries import ENDS
from shared.jobs.keys import RequestKey
from shared.jobs.listing import Wanted
from shared.jobs.model import Callback, JobError, Loss, Progress, Upload, new_job, new_job_id, now
from shared.jobs.moves import hold_of
from shared.jobs.outbox import OutboxStore
from shared.jobs.reservations import Reservations
from shared.jobs.routing import FAST
from shared.jobs.worker_names import worker_name
from shared.runtime import connections
from shared.runtime.settings import Settings
from shared.storage.images import StoredImage
from tests.support.bench import Bench, events_of, followed, guard_store, worker_store
from tests.support.calls import finished
from tests.support.gateway import Gateway, gateway
from tests.support.images import SMALL_PNG
from tests.support.jobs import IMPATIENT, event_names, posted, running_job
from tests.support.processes import Service, StoreServer, children_of
from worker.queue import celery_app

OPERATIONS = Path(__file__).parents[2] / "docs/operations.md"
PASSWORD = "of-the-user"
# Redis before 7.2 does not know it, and nothing depends on it.
OPTIONAL = "+client|setinfo"


def rules(server: StoreServer) -> list[str]:
    """What follows ACL SETUSER in the document, as this server knows it."""
    text = OPERATIONS.read_text()
    found = re.search(r"^    ACL SETUSER (huemill on >.*?)\n\n", text, re.MULTILINE | re.DOTALL)
    assert found is not None
    words = re.sub(r">\S+", f">{PASSWORD}", found[1]).split()
    return [word for word in words if word != OPTIONAL or server.kind == "valkey"]


def commands(words: list[str]) -> list[str]:
    return [word[1:] for word in words if word.startswith("+")]


class User:
    """The store as huemill sees it when it comes as that user."""

    def __init__(self, server: StoreServer) -> None:
        self._server = server
        self.port = server.port
        self.url = server.url.replace(f":{server.password}@", f"huemill:{PASSWORD}@")

    def client(self) -> Redis:
        return self._server.client()


@pytest.fixture
def user(server: StoreServer) -> User:
    """The user of the document, on a server with nothing in it."""
    with server.client() as client:
        client.flushall()
        client.execute_command("ACL", "SETUSER", *rules(server))
        client.acl_log_reset()
    return User(server)


def denied(user: User) -> set[tuple[str, str]]:
    """What the user was not let do since the last call: kind (command, key, channel) and what it was."""
    with user.client() as client:
        entries = client.acl_log(1000)
        client.acl_log_reset()
    return {(entry["reason"], entry["object"]) for entry in entries}


def test_the_user_may_do_all_that_huemill_does(user: User, own_service: Callable[..., Service]) -> None:
    """Jobs, events, cancelling, the sweep, lost workers, stored images, Celery's broker: nothing is refused to it."""
    quick = {"result_ttl_seconds": 2, "image_ttl_seconds": 2, "collect_seconds": 1, "orphan_seconds": 1}
    service = own_service(user, **IMPATIENT, **quick).start_gateway()
    main = service.start_worker()
    service.wait_for_workers()
    with service.client() as client:
        assert event_names(client, finished(client))[-1] == "succeeded"
        running = running_job(client)
        assert client.delete(running["links"]["self"]).status_code == 204
        assert client.post("/v1/images", files={"image": SMALL_PNG}).status_code == 201
        rescued = running_job(client)
        for child in children_of(main.pid):
            os.kill(child, signal.SIGKILL)
        assert event_names(client, rescued).count("running") == 2
        assert client.get("/metrics").is_success
        gone = posted(client)
        assert client.delete(gone["links"]["self"]).status_code == 204
    service.stop()
    assert denied(user) == set()


def all_moves(bench: Bench) -> None:
    """All that huemill asks of Redis, once, without a worker: what was lost and what comes twice as well."""
    settings = bench.settings
    job = bench.claimed()
    bench.worker.report(job, Progress(stage="cluster", fraction=0.5))
    bench.guard.renew(hold_of(job))
    bench.worker.succeed(job, "results/x")
    events_of(bench, job)
    followed(bench, job.id, 5)
    bench.guard.heard(worker_name(1))
    lost = bench.claimed()
    bench.guard.lose(hold_of(lost), Loss.WORKER_LOST)
    bench.sweep()
    failed = bench.claimed()
    bench.worker.fail(failed, JobError(code="x", message="x"))
    with gateway(settings) as parts:
        waiting = bench.create()
        parts.run(parts.store.create(waiting))  # its answer was lost
        bench.worker.turn(FAST, waiting.id)
        parts.run(parts.store.cancel(waiting))
        parts.run(parts.store.overview())
        callbacks(bench, parts)
        parts.run(parts.store.queued())
        shared_work(parts)
        parts.run(parts.lists.page(Wanted(), 10))
        parts.run(parts.due.expire(failed))
        parts.run(parts.store.withdraw(bench.create()))
        parts.run(parts.due.put_off(lost.id))
        parts.run(parts.store.forget(lost.id))
        sha = uuid4().hex
        image = StoredImage(sha256=sha, key="images/x", size=1, media_type="image/png", width=1, height=1)
        parts.run(parts.images.add(image))
        parts.run(parts.images.get(sha))
        parts.run(parts.images.take(sha))
        keys_and_quotas(settings, parts)
    broker(settings)
    with connections.failing_fast(settings) as redis:
        redis.ping()


def callbacks(bench: Bench, parts: Gateway) -> None:
    """What a job's end has to tell is taken, given up, and made again."""
    outbox, job_id = OutboxStore(parts.redis, lease_seconds=1), new_job_id()
    upload = Upload(key=f"uploads/{job_id}", size=3, sha256="2" * 64)
    wish = Callback(url="http://127.0.0.2/", host="127.0.0.2", events=ENDS)
    job = new_job(job_id, KMeansParams(), upload, callback=wish)
    parts.run(parts.store.create(job))
    begun = bench.worker.claim(job_id)
    assert begun is not None
    bench.worker.fail(begun, JobError(code="x", message="x"))
    assert parts.run(outbox.due_hosts(1)) == [wish.host]
    taken = parts.run(outbox.take(wish.host))
    assert taken is not None
    assert parts.run(outbox.settle(taken, taken.attempts[-1], "given_up"))
    (kept,) = parts.run(outbox.deliveries(job))
    assert parts.run(outbox.replay(kept))
    parts.run(outbox.overview())


def shared_work(parts: Gateway) -> None:
    """Two jobs wait for the end of a third one, which leaves; a request has a key."""
    key, jobs = RequestKey(uuid4().hex), []
    for _ in range(3):
        job_id = new_job_id()
        upload = Upload(key=f"uploads/{job_id}", size=3, sha256="1" * 64)
        jobs.append(new_job(job_id, KMeansParams(), upload))
        parts.run(parts.store.create(jobs[-1], join=True, pixels=9))
    parts.run(parts.store.outlook(jobs[1]))
    parts.run(parts.store.cancel(jobs[0]))
    parts.run(parts.store.release(jobs[0].id, jobs[0].id))
    parts.run(parts.store.is_used(jobs[0].id))
    parts.run(Reservations(parts.redis).reserve(key, jobs[2].id))
    other = new_job_id()
    parts.run(parts.store.create(new_job(other, KMeansParams(), jobs[2].upload), RequestKey(uuid4().hex)))


def keys_and_quotas(settings: Settings, parts: Gateway) -> None:
    """A key is made, read, changed and revoked; its quotas are used, and given back."""
    limits = KeyLimits(requests=Rate(count=9, seconds=9), max_queued=9, pixels_per_hour=9)
    made = made_key("one", frozenset(), limits, now(), None)
    with connections.failing_fast(settings) as redis:
        book = KeyBook(redis)
        book.add(made.key)
        book.change(made.key.id, lambda key: key.revoked(now()))
        book.all()
    parts.run(KeyReader(parts.redis).get(made.key.id))
    quotas = QuotaStore(parts.redis)
    parts.run(quotas.take_request(made.key.id, limits))
    parts.run(quotas.take_job(made.key.id, limits, new_job_id(), 5))
    parts.run(quotas.look(made.key.id, limits))
    parts.run(quotas.give_back(made.key.id, limits, new_job_id(), 5, waits=False))
    parts.run(parts.store.get_of(made.key.id, new_job_id()))


def broker(settings: Settings) -> None:
    """A message is sent, received, and goes back to the queue, as when its worker stops before it has begun."""
    app = celery_app(settings)
    # As in a process that has just begun: kombu remembers which queues it has declared.
    pools.reset()
    with app.connection_for_write() as connection:
        connection.transport.state.clear()
    app.send_task("huemill.run", args=["x"], queue=FAST, retry=False)
    with app.connection_for_read() as connection:
        received: list[Any] = []
        consumer = connection.Consumer(KombuQueue(FAST), on_message=received.append, accept=["json"])
        with consumer:
            connection.drain_events(timeout=5)
        assert received
        received[0].requeue()
        with app.events.Dispatcher(connection) as dispatcher:
            dispatcher.send("worker-heartbeat")  # as workers do, whether anybody listens or not
    app.close()


def test_one_command_fewer(user: User, server: StoreServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each command of the document's line is needed: without it something is refused, and that command is named."""
    monkeypatch.setattr(worker, "REFUSED_SECONDS", 0.0)  # else a worker waits for the Redis that refuses
    settings = Settings(redis_url=user.url, blob_url=(tmp_path / "blobs").as_uri(), max_attempts=2)
    bench = Bench(settings, worker_store(settings, "mill:1/2"), guard_store(settings), server)
    all_moves(bench)
    assert denied(user) == set()
    needless = []
    for command in commands(rules(server)):
        with user.client() as client:
            client.execute_command("ACL", "SETUSER", "huemill", f"-{command}")
            client.script_flush()
            client.flushall()
        with suppress(HuemillError, RedisError, KombuError, TimeoutError):
            all_moves(bench)
        if ("command", command) not in denied(user):
            needless.append(command)
        with user.client() as client:
            client.execute_command("ACL", "SETUSER", "huemill", f"+{command}")
    assert needless == []


@pytest.mark.parametrize("key", ["huemil", "other:job", "celery", "unacked"])
def test_keys_of_others(user: User, key: str) -> None:
    """The user may touch no key that is not huemill's, nor change the server."""
    with connections.failing_fast(Settings(redis_url=user.url)) as redis:
        for command in (["GET", key], ["DEL", key], ["FLUSHALL"], ["CONFIG", "GET", "*"], ["KEYS", "*"]):
            with pytest.raises(NoPermissionError):
                redis.execute_command(*command)
