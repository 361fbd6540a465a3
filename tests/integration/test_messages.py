"""The message that a new job is stored with, in a real Valkey and a real Redis."""

from base64 import b64decode

import orjson

from shared.jobs.keys import DUE
from shared.jobs.message import TASK, message_of
from shared.jobs.routing import FAST
from tests.support.bench import Bench
from tests.support.job_model import job_of_message
from worker.queue import celery_app


def test_nothing_of_an_image_is_in_redis(bench: Bench) -> None:
    """Redis holds records and ids; the message of a job is its id alone, as JSON."""
    message = message_of(bench.create())
    assert b'"content-type":"application/json"' in message
    assert len(message) < 2000


def test_a_message_is_what_celery_sends(bench: Bench) -> None:
    """The message that is stored with a job is Celery's own, but for who sent it, and ids that differ each time."""
    job = bench.create()
    celery_app(bench.settings).send_task(TASK, args=[job.id], queue=job.queue)
    with bench.server.client() as client:
        (sent,) = (orjson.loads(message) for message in client.lrange(FAST, 0, -1))
    ours, again = (orjson.loads(message_of(job)) for _ in range(2))
    assert orjson.loads(b64decode(ours["body"])) == orjson.loads(b64decode(sent["body"]))
    for part, apart in (("headers", ["id", "root_id", "origin"]), ("properties", ["correlation_id", "delivery_tag"])):
        for name in apart:
            assert ours[part].pop(name) != again[part].pop(name) or name == "origin"
            sent[part].pop(name)
    assert sent["properties"].pop("reply_to")
    assert not ours["properties"].pop("reply_to")
    assert {**ours, "body": ""} == {**sent, "body": ""}


def test_a_job_and_its_message_come_together(bench: Bench) -> None:
    """One move stores both; where something else stands at the queue's place the job is whole all the same, and due."""
    first, second = bench.create(sent=True), bench.create()
    with bench.server.client() as client:
        (message,) = client.lrange(FAST, 0, -1)
        assert job_of_message(message) == first.id
        client.set(FAST, "not a list")
        third = bench.create(sent=True)
        assert client.zscore(DUE, third.id) is not None
        client.delete(FAST)
    assert bench.ask(lambda store: store.queued()) == len((first, second, third))
