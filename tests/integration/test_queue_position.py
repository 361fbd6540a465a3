"""A queued job's place, and when it is worth asking again."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from shared.jobs.keys import pace_key, queued_key
from shared.jobs.model import JobError
from shared.jobs.routing import FAST
from tests.support.bench import Bench
from tests.support.calls import finished, post
from tests.support.gateway import gateway
from tests.support.processes import Service, StoreServer


@pytest.fixture(scope="module")
def lonely(server: StoreServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A gateway without a worker."""
    made = Service(server, tmp_path_factory.mktemp("lonely"))
    try:
        with made.start_gateway().client() as client:
            yield client
    finally:
        made.kill()


@pytest.fixture
def queued(server: StoreServer, lonely: httpx.Client) -> httpx.Client:
    with server.client() as redis:
        redis.flushall()
    return lonely


def now_of(client: httpx.Client, job: dict[str, Any]) -> tuple[httpx.Response, Any]:
    answer = client.get(job["links"]["self"])
    return answer, answer.json()["queue_position"]


def test_a_queued_job_knows_its_place(queued: httpx.Client) -> None:
    """The next one has position 0; each queue counts for itself; who leaves it makes room."""
    jobs = [post(queued, wait=None).json() for _ in range(4)]
    slow = post(queued, wait=None, algorithm="optics").json()
    assert [job["queue_position"] for job in jobs] == [0, 1, 2, 3]
    assert slow["queue_position"] == 0
    assert [now_of(queued, job)[1] for job in (*jobs, slow)] == [0, 1, 2, 3, 0]
    cancelled = queued.post(jobs[1]["links"]["cancel"]).json()
    assert cancelled["queue_position"] is None
    assert [now_of(queued, job)[1] for job in (*jobs, slow)] == [0, None, 1, 2, 0]


def test_retry_after_is_estimated_from_the_queue(queued: httpx.Client, server: StoreServer) -> None:
    """With a claim every ten seconds and runs of 25 it grows with the place, and ends at five minutes; both answers say
    the same. A job that was waited for in vain has it too.
    """
    with server.client() as redis:
        seconds, _ = redis.time()
        redis.hset(pace_key(FAST), mapping={"claimed": seconds, "gap": 10, "run": 25})
    told = []
    for _ in range(30):
        answer = post(queued, wait=None)
        told.append(int(answer.headers["Retry-After"]))
        assert now_of(queued, answer.json())[0].headers["Retry-After"] == answer.headers["Retry-After"]
    assert told == [min(300, 10 * place + 25) for place in range(1, 31)]
    answer = post(queued, wait=1)
    assert (answer.status_code, answer.json()["queue_position"], answer.headers["Retry-After"]) == (202, 30, "300")


def test_a_queue_of_which_nobody_claims_is_slow(queued: httpx.Client, server: StoreServer) -> None:
    """However quick it was before: what its first job has waited for by now is what each takes."""
    first = post(queued, wait=None).json()
    with server.client() as redis:
        seconds, _ = redis.time()
        redis.hset(pace_key(FAST), mapping={"claimed": seconds - 70, "gap": 0.01, "run": 0.01})
        redis.zadd(queued_key(FAST), {first["id"]: seconds - 50})
    assert 50 <= int(now_of(queued, first)[0].headers["Retry-After"]) <= 60


def test_a_job_that_is_done_has_no_place(client: httpx.Client) -> None:
    """Nor has one that runs; and the pace was measured on the way."""
    assert finished(client)["queue_position"] is None


def test_claims_and_ends_are_what_the_pace_is_made_of(bench: Bench) -> None:
    """A claim counts from the one before, or from when its job came; a run counts from its claim; a third of each."""
    with bench.server.client() as redis:

        def pace() -> dict[bytes, float]:
            return {name: float(value) for name, value in redis.hgetall(pace_key(FAST)).items()}

        seconds, _ = redis.time()
        first, second, third = (bench.create() for _ in range(3))
        redis.zadd(queued_key(FAST), {first.id: seconds - 90})
        begun = bench.worker.claim(first.id)
        assert begun is not None
        assert pace()[b"gap"] == pytest.approx(90, abs=5)
        redis.zadd(queued_key(FAST), {second.id: seconds - 90})
        redis.hset(pace_key(FAST), "claimed", seconds - 30)
        assert bench.worker.claim(second.id)
        assert pace()[b"gap"] == pytest.approx(90 - 60 / 3, abs=5)
        redis.zadd(queued_key(FAST), {third.id: seconds})
        redis.hset(pace_key(FAST), "claimed", seconds - 3000)
        assert bench.worker.claim(third.id)
        assert pace()[b"gap"] == pytest.approx(70 - 70 / 3, abs=5)
        assert b"run" not in pace()
        redis.hset(f"huemill:job:{first.id}", "began", seconds - 60)
        assert bench.worker.succeed(begun, f"results/{first.id}/1/")
        assert pace()[b"run"] == pytest.approx(60, abs=5)


def test_a_pace_that_is_none_holds_nothing_up(bench: Bench) -> None:
    """Whatever stands under its key, jobs are taken, run and ended."""
    with bench.server.client() as redis:
        redis.set(pace_key(FAST), "x")
        job = bench.claimed()
        assert bench.worker.fail(job, JobError(code="broken_image", message="cut off"))
        redis.set(pace_key(FAST), "x")
        with gateway(bench.settings) as parts:
            assert parts.run(parts.store.get(job.id)) is not None
