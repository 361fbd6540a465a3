"""The outbox: what is told once, by whoever comes first, and what is left when jobs, senders and records go."""

import asyncio
import threading
import time
from http.server import BaseHTTPRequestHandler

import pytest
import redis

from shared.jobs.deliveries import EVENTS, delivery_id
from shared.jobs.keys import DUE, GIVEN_UP, OUTBOX, delivery_key, host_outbox_key, job_key
from shared.jobs.model import JobError, new_job_id
from shared.jobs.sweep import SweepStore
from tests.support.bench import Bench
from tests.support.calling import RECEIVER, Calling, calling, verified
from tests.support.web import Web, gives, in_turn, raw

OK = gives(b"thanks")


def test_a_sender_that_is_lost(bench: Bench, web: Web) -> None:
    """Another one sends what the first was sending when its lease is over; the first one's late word is not heard."""
    over = threading.Event()
    web.answers["/hook"] = in_turn(raw(*[b""] * 100, pause=1.0, stop=over), OK)
    with calling(bench, web, lease=0.5) as calls:
        job = calls.failed(web.url("/hook"))
        late = calls.parts.run(calls.outbox.take(RECEIVER))
        assert late is not None
        assert calls.parts.run(calls.outbox.take(RECEIVER)) is None
        first = calls.sender()

        async def begun() -> bool:
            return bool(web.posts)

        calls.send_until(begun, first)  # it is ended in the middle of it
        delivery = calls.send(job)
        over.set()
        assert len({post.headers["webhook-id"] for post in web.posts}) == 1
        assert [attempt.error for attempt in delivery.attempts] == [None] * 3
        assert [attempt.status for attempt in delivery.attempts] == [None, None, 200]
        assert not calls.parts.run(calls.outbox.settle(late, late.attempts[-1], delivery.state))
        assert calls.deliveries(job) == [delivery]


def test_senders_that_are_lost_each_time(bench: Bench, web: Web) -> None:
    """A delivery whose senders are lost is not made for ever either."""
    with calling(bench, web, lease=1e-3) as calls:
        job = calls.failed(web.url("/hook"))
        for _ in range(3):
            assert calls.parts.run(calls.outbox.take(RECEIVER)) is not None
            time.sleep(0.01)
        delivery = calls.send(job)
        assert (delivery.state, delivery.attempts[-1].error, web.posts) == ("given_up", "lost", [])


def test_every_event_once(calls: Calling, web: Web, bench: Bench) -> None:
    """`running` is told where it is wanted, once however often a worker begins; then the end, once."""
    job = calls.job(web.url("/hook"), EVENTS)
    begun = bench.worker.claim(job.id)
    assert begun is not None
    calls.parts.run(calls.parts.due.put_off(job.id))
    bench.let_time_come(job)
    calls.parts.sweep()
    again = bench.worker.claim(job.id)
    assert again is not None
    assert bench.worker.succeed(again, f"results/{job.id}/2/")

    async def both() -> bool:
        return [each.state for each in await calls.outbox.deliveries(job)] == ["delivered"] * 2

    calls.send_until(both)
    assert sorted(verified(post)["type"] for post in web.posts) == ["job.running", "job.succeeded"]


def test_only_what_is_wanted(calls: Calling, bench: Bench, web: Web) -> None:
    """A job whose client wants to hear of success alone tells nothing of a failure."""
    job = calls.failed(web.url("/hook"), ("succeeded",))
    assert calls.deliveries(job) == []
    with bench.server.client() as client:
        assert client.zcard(OUTBOX) == 0


def test_a_deleted_job_tells_nothing_more(calls: Calling, web: Web, bench: Bench) -> None:
    """What waits to be told of a job goes with it; what else waits for the host is told."""
    gone, job = calls.failed(web.url("/hook")), calls.failed(web.url("/hook"))
    calls.parts.run(calls.parts.store.forget(gone.id))
    assert calls.send(job).state == "delivered"
    assert [verified(post)["data"]["id"] for post in web.posts] == [job.id]
    with bench.server.client() as client:
        assert client.keys("huemill:delivery:*") == [delivery_key(delivery_id(job.id, "failed")).encode()]
        assert client.keys("huemill:outbox*") == []


def test_a_job_that_is_deleted_while_it_is_told(calls: Calling, web: Web, bench: Bench) -> None:
    """Nothing of the delivery comes back when its sender is done."""
    job = calls.failed(web.url("/hook"))

    def delete(handler: BaseHTTPRequestHandler) -> None:
        with bench.server.client() as client:
            client.delete(job_key(job.id), delivery_key(delivery_id(job.id, "failed")))
        OK(handler)

    web.answers["/hook"] = delete

    async def told() -> bool:
        await asyncio.sleep(0.1)
        return bool(web.posts)

    calls.send_until(told)
    with bench.server.client() as client:
        assert client.keys("huemill:delivery:*") == []
        assert client.zcard(GIVEN_UP) == 0


def test_the_end_of_an_earlier_versions_worker_is_told(calls: Calling, web: Web, bench: Bench) -> None:
    """A worker that knew of no callbacks has ended the job: it is told when the job settles."""
    job = calls.failed(web.url("/hook"))
    with bench.server.client() as client:
        client.delete(delivery_key(delivery_id(job.id, "failed")), OUTBOX, host_outbox_key(RECEIVER))
    bench.let_time_come(job)
    calls.parts.sweep()
    assert calls.send(job).state == "delivered"
    with bench.server.client() as client:
        assert client.zscore(DUE, job.id)


def test_records_stay_as_long_as_they_may_be_told(bench: Bench, web: Web) -> None:
    """Results that are kept for a second do not take the record away that has to be told for days."""
    with calling(bench, web) as calls:
        job, other = calls.failed(web.url("/hook")), bench.create()
        due = SweepStore(calls.parts.redis, resend_seconds=1, result_ttl_seconds=1)
        for each in (job, other):
            calls.parts.run(due.expire(each))
        with bench.server.client() as client:
            assert client.ttl(job_key(job.id)) > 10 * 86400
            assert client.ttl(job_key(other.id)) <= 8
        assert calls.send(job).state == "delivered"


def test_a_callback_of_a_later_form(calls: Calling, web: Web, bench: Bench) -> None:
    """A job whose callback this version does not understand runs and ends all the same; a later version tells of it."""
    job = calls.job(web.url("/hook"))
    with bench.server.client() as client:
        record = client.hget(job_key(job.id), "record")
        assert isinstance(record, bytes)
        client.hset(job_key(job.id), "record", record.replace(b'"callback":{', b'"callback":{"url":7,"was":{') + b"}")
        client.hset(job_key(job.id), "calls_back", "in words of its own")
    begun = bench.worker.claim(job.id)
    assert begun is not None
    assert begun.callback is None
    assert bench.worker.succeed(begun, f"results/{job.id}/1/")
    assert calls.deliveries(begun) == []
    told = calls.failed(web.url("/hook"))
    with bench.server.client() as client:
        client.hset(job_key(told.id), "record", record.replace(b'"callback":{', b'"callback":{"url":7,"was":{') + b"}")

    async def tried() -> bool:
        (delivery,) = await calls.outbox.deliveries(told)
        return [attempt.error for attempt in delivery.attempts] == ["unreadable"]

    calls.send_until(tried)
    assert calls.deliveries(told)[0].state == "waiting"


def test_records_that_cannot_be_read(calls: Calling, web: Web, bench: Bench) -> None:
    """What is broken in the outbox, or of a job that is, does not stand in the way of what else waits for the host."""
    broken = calls.failed(web.url("/hook"))
    with bench.server.client() as client:
        client.hset(job_key(broken.id), "record", "{")
        for number, key in enumerate(("string", "hash")):
            strange = delivery_id(new_job_id(), key)
            client.zadd(host_outbox_key(RECEIVER), {strange: number})
            if key == "string":
                client.set(delivery_key(strange), "x")
            else:
                client.hset(delivery_key(strange), mapping={"claim": 0, "state": "waiting"})
        client.zadd(OUTBOX, {RECEIVER: 0})
    assert calls.send(calls.failed(web.url("/hook"))).state == "delivered"
    assert len(web.posts) == 1


def test_a_full_redis_lets_it_end(calls: Calling, web: Web, bench: Bench) -> None:
    """Where Redis takes no more, what was promised is told all the same."""
    job = calls.job(web.url("/hook"))
    begun = bench.worker.claim(job.id)
    assert begun is not None
    with bench.server.client() as client:
        client.config_set("maxmemory", "1")
        try:
            with pytest.raises(redis.OutOfMemoryError):
                client.set("x", "y")
            assert bench.worker.fail(begun, JobError(code="broken_image", message="cut off"))
            assert calls.send(job).state == "delivered"
        finally:
            client.config_set("maxmemory", "0")
    assert len(web.posts) == 1
