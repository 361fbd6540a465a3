"""What goes on where Redis is full: what was accepted ends, what has expired goes, and what is deleted is gone."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from shared.contract.errors import Refused
from shared.jobs.keys import DUE, IMAGES, job_key, jobs_key, queued_key
from shared.jobs.model import JobStatus, new_job_id
from shared.jobs.routing import FAST
from shared.storage.images import StoredImage
from tests.support.bench import Bench
from tests.support.gateway import Gateway, gateway
from tests.support.job_model import job_of_message


@contextmanager
def full(bench: Bench) -> Iterator[None]:
    """Whatever takes room is refused meanwhile."""
    with bench.server.client() as client:
        client.config_set("maxmemory", "1")
        try:
            yield
        finally:
            client.config_set("maxmemory", "0")


def answer(bench: Bench, question: Callable[[Gateway], Any]) -> Any:
    with gateway(bench.settings) as parts:
        return parts.run(question(parts))


def test_the_sweep_goes_on(bench: Bench) -> None:
    """One job has expired, one has lost its worker, one is unreadable: each is seen to, whichever comes first."""
    expired, lost, strange = bench.claimed(), bench.claimed(), bench.create()
    bench.worker.succeed(expired, f"results/{expired.id}/1/")
    bench.let_time_come(expired)
    bench.sweep()  # it settles
    with bench.server.client() as client:
        client.hset(job_key(strange.id), "created_at", "never")
        client.zadd(DUE, {expired.id: 1, strange.id: 2, lost.id: 3})
        with full(bench):
            bench.sweep()
        assert client.zscore(DUE, expired.id) is None
        assert not client.zscore(jobs_key(""), expired.id)
        assert client.ttl(job_key(expired.id)) > 0
        assert client.zscore(DUE, strange.id) > datetime.now(UTC).timestamp() - 60
        sent = [job_of_message(message) for message in client.lrange(FAST, 0, -1)]
    assert bench.status(lost) is JobStatus.QUEUED
    assert sent.count(lost.id) == 1, "it is sent again"


def test_a_message_that_was_lost_is_sent_again(bench: Bench) -> None:
    """A queue that is empty though a job stands in it is found."""
    job = bench.create()
    with bench.server.client() as client:
        long_ago = datetime.now(UTC).timestamp() - 10
        client.zadd(queued_key(job.queue), {job.id: long_ago})
        client.zadd(DUE, {job.id: long_ago + bench.settings.resend_seconds})
        with full(bench):
            bench.sweep()
    assert bench.messages() == 1


def test_a_job_can_be_deleted(bench: Bench) -> None:
    """That is how a client makes room."""
    job = bench.create()
    with full(bench):
        bench.ask(lambda store: store.forget(job.id))
    assert bench.get(job) is None


def test_stored_images_are_found(bench: Bench) -> None:
    """They are read, put off and taken away; a new one is refused."""
    sha = "0" * 64
    image = StoredImage(sha256=sha, key="images/x", size=1, media_type="image/png", width=1, height=1)
    answer(bench, lambda parts: parts.images.add(image))
    with bench.server.client() as client:
        client.zadd(IMAGES, {sha: 1})
        with full(bench):
            assert answer(bench, lambda parts: parts.images.get(sha)).image == image
            answer(bench, lambda parts: parts.images.put_off(sha))
            assert client.zscore(IMAGES, sha) > 1
            assert answer(bench, lambda parts: parts.images.take(sha)) == image
            other = image.model_copy(update={"sha256": new_job_id() * 2})
            with pytest.raises(Refused):
                answer(bench, lambda parts: parts.images.add(other))
