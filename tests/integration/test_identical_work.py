"""Work that was done before, or is under way: it is not done again, and nobody's job depends on another's life."""

from collections.abc import Callable, Iterator
from itertools import permutations
from typing import Any

import httpx
import pytest

from shared.contract.params import KMeansParams, OpticsParams
from shared.jobs import clients
from shared.jobs.clients import Way
from shared.jobs.keys import DUE, JOINED, job_key
from shared.jobs.model import Job, JobError, JobStatus, Loss, new_job, new_job_id
from shared.storage.keys import attempt_prefix
from tests.support.bench import Bench, events_of
from tests.support.calls import post, post_form, problem
from tests.support.gateway import gateway
from tests.support.images import encoded, noise
from tests.support.jobs import LONG, ended, event_names, now_of, running_job
from tests.support.processes import Service
from tests.support.same_work import SameWork

IMAGES = iter(range(10_000))


@pytest.fixture
def client(service: Service) -> Iterator[httpx.Client]:
    """One that takes what was computed before."""
    with service.client(headers={}) as http:
        yield http


def an_image(side: int = 12) -> bytes:
    """One that nobody has posted yet."""
    return encoded(noise(side, side, seed=next(IMAGES)))


def done(answer: httpx.Response) -> dict[str, Any]:
    assert answer.status_code == 200, answer.text
    job: dict[str, Any] = answer.json()
    assert job["status"] == "succeeded"
    return job


# Over HTTP.


def test_work_that_was_done_is_not_done_again(client: httpx.Client) -> None:
    """The second job has the first one's result at once, under its own id, and has run nowhere."""
    image = an_image()
    first = done(post(client, image, n_clusters=3))
    answer = post(client, image, wait=None, n_clusters=3)
    second = done(answer)
    assert answer.headers["location"] == second["links"]["self"] != first["links"]["self"]
    assert (first["cached"], second["cached"]) == (False, True)
    assert (second["attempt"], second["attempts"], second["started_at"]) == (0, [], None)
    assert second["created_at"] <= second["finished_at"] < second["expires_at"]
    assert second["expires_at"] > first["expires_at"]
    assert event_names(client, second) == ["queued", "succeeded"]
    assert done(client.get(second["links"]["self"])) == second
    for one, other in zip(first["result"]["artifacts"], second["result"]["artifacts"], strict=True):
        assert one["href"] != other["href"]
        assert client.get(one["href"]).content == client.get(other["href"]).content
    assert first["result"]["centroids"] == second["result"]["centroids"]


def test_done_work_whose_result_cannot_be_read(client: httpx.Client, service: Service) -> None:
    """Who posts learns where his job is all the same, whatever is wrong with the result, and there what it is."""
    image = an_image()
    first = done(post(client, image, n_clusters=3))
    (lost,) = [path for path in service.blob_files() if path.name == "result.json" and first["id"] in path.parts]
    lost.unlink()
    for wait in (None, 10):
        answer = post(client, image, wait=wait, n_clusters=3)
        assert (answer.status_code, answer.json()["status"], answer.json()["result"]) == (202, "succeeded", None)
        assert int(answer.headers["Retry-After"]) >= 1
        problem(client.get(answer.headers["Location"]), 404, "not_found")


def test_how_the_same_work_is_asked_for_does_not_count(client: httpx.Client) -> None:
    """Another form, another name of the file, and defaults that are given are the same work."""
    image = an_image()
    done(post(client, image))
    second = done(post_form(client, image, wait=None, n_clusters=5, algorithm="kmeans"))
    assert second["cached"]
    assert second["image"]["filename"] == "small.png"


@pytest.mark.parametrize("params", [{"n_clusters": 3}, {"seed": 1}, {"outputs": "card"}, {"timeout": 20}], ids=str)
def test_other_work_is_done(client: httpx.Client, params: dict[str, Any]) -> None:
    """Another image or other parameters are computed."""
    image = an_image()
    done(post(client, image))
    assert not done(post(client, image, **params))["cached"]
    assert not done(post(client, an_image()))["cached"]


@pytest.mark.parametrize(
    ("field", "anew"), [("no-cache", True), ("max-age=0, No-Cache", True), ("no-transform", False)]
)
def test_who_wants_it_computed_anew(client: httpx.Client, field: str, anew: bool) -> None:
    """With `Cache-Control: no-cache` a job runs, whatever was done before."""
    image = an_image()
    done(post(client, image))
    headers = {"Content-Type": "image/png", "Prefer": "wait=30", "Cache-Control": field}
    again = done(client.post("/v1/jobs", content=image, headers=headers))
    assert (again["cached"], again["attempt"]) == (not anew, int(anew))


def test_work_under_way_is_joined(client: httpx.Client, service: Service) -> None:
    """A job of the same image waits for the end of the one that runs, and has it at the same moment."""
    image = encoded(noise(500, 500, seed=next(IMAGES)))
    first = running_job(client, image, **LONG)
    answer = post(client, image, wait=None, **LONG)
    second = answer.json()
    assert (answer.status_code, second["status"], second["queue_position"]) == (202, "queued", 0)
    assert int(answer.headers["Retry-After"]) >= 1
    one, other = ended(client, first), ended(client, second)
    assert (one["status"], other["status"]) == ("succeeded", "succeeded")
    assert (one["cached"], other["cached"], other["attempts"]) == (False, True, [])
    assert one["finished_at"] == other["finished_at"]
    assert event_names(client, second) == ["queued", "succeeded"]
    begun = [line["job_id"] for line in service.workers[0].said(" begins")]
    assert (begun.count(first["id"]), begun.count(second["id"])) == (1, 0)
    assert client.get(other["links"]["labels"]).content == client.get(one["links"]["labels"]).content


def test_a_job_whose_leader_is_cancelled_is_done(client: httpx.Client) -> None:
    """It takes its place, and runs by itself."""
    image = encoded(noise(500, 500, seed=next(IMAGES)))
    first = running_job(client, image, **LONG)
    second = post(client, image, wait=None, **LONG).json()
    assert client.post(first["links"]["cancel"]).status_code == 200
    done_second = ended(client, second)
    assert (done_second["status"], done_second["cached"], done_second["attempt"]) == ("succeeded", False, 1)
    assert now_of(client, first)["status"] == "cancelled"
    assert [name for name in event_names(client, second) if name != "progress"] == ["queued", "running", "succeeded"]


def test_a_deleted_job_takes_nothing_from_others(client: httpx.Client, service: Service) -> None:
    """The files stay until the last job that has them is deleted, and then go."""
    image = an_image()
    first = done(post(client, image))
    second, third = (done(post(client, image)) for _ in range(2))

    def files() -> list[str]:
        return [path.name for path in service.blob_files() if f"results/{first['id']}/" in str(path)]

    before = files()
    for job, others in ((first, [second, third]), (third, [second])):
        assert client.delete(job["links"]["self"]).status_code == 204
        problem(client.get(job["links"]["self"]), 404, "not_found")
        assert files() == before
        for other in others:
            assert client.get(other["links"]["result"]).is_success
            assert client.get(other["links"]["labels"]).is_success
    assert not done(post(client, image, seed=5))["cached"]
    assert client.delete(second["links"]["self"]).status_code == 204
    assert files() == []
    assert not done(post(client, image))["cached"]


# In the store.


@pytest.fixture
def hands(bench: Bench) -> Iterator[SameWork]:
    with gateway(bench.settings) as parts, bench.server.client() as client:
        yield SameWork(bench, parts, client)


def test_an_end_is_everybodys(hands: SameWork) -> None:
    """Success comes to all at once, with the files, and without the attempts, which were another's."""
    first, *others = hands.jobs(3)
    one = hands.succeed(first)
    for job in map(hands.get, others):
        assert (job.status, job.cached, job.follows, job.attempts) == (JobStatus.SUCCEEDED, True, None, ())
        assert (job.result_key, job.finished_at, job.expires_at) == (one.result_key, one.finished_at, one.expires_at)
        assert [event.name for event in events_of(hands.bench, job)] == ["queued", "succeeded"]
    assert hands.redis.exists(JOINED, f"{job_key(first.id)}:followers") == 0
    assert hands.create()[1].way is Way.DONE


def test_a_failure_is_everybodys(hands: SameWork) -> None:
    """What is wrong with the image of one is wrong with the others'; but who comes later tries again."""
    first, second = hands.jobs(2)
    begun = hands.bench.worker.claim(first.id)
    assert begun is not None
    error = JobError(code="broken_image", message="cut off")
    assert hands.bench.worker.fail(begun, error)
    job = hands.get(second)
    assert (job.status, job.error, job.cached, job.result_key) == (JobStatus.FAILED, error, False, None)
    assert events_of(hands.bench, second)[-1].data["code"] == "broken_image"
    assert hands.create()[1].way is Way.CREATED


LEAVE: dict[str, Callable[[SameWork, Job], None]] = {
    "cancel": SameWork.cancel,
    "delete": SameWork.delete,
    "withdraw": SameWork.withdraw,
}


@pytest.mark.parametrize("running", [False, True])
@pytest.mark.parametrize("how", LEAVE)
def test_a_leader_that_leaves_is_succeeded(hands: SameWork, how: str, running: bool) -> None:
    """Who has waited longest takes its place in the queue, is sent, and is done; the others wait for that one."""
    first, second, third = hands.jobs(3)
    behind, _ = hands.create(OpticsParams(), join=False)
    late, _ = hands.create(join=False)
    assert behind.queue != first.queue
    if running:
        assert hands.bench.worker.claim(first.id)
    LEAVE[how](hands, first)
    assert hands.places() == ([late.id, second.id] if running else [second.id, late.id])
    assert (hands.get(second).follows, hands.get(third).follows) == (None, second.id)
    before = hands.bench.messages()
    hands.parts.sweep()
    assert hands.bench.messages() == before + 1
    hands.succeed(second)
    assert (hands.get(third).status, hands.get(third).cached) == (JobStatus.SUCCEEDED, True)
    assert hands.readable(third)


@pytest.mark.parametrize("how", LEAVE)
def test_a_follower_that_leaves_is_alone_in_that(hands: SameWork, how: str) -> None:
    """The leader and who else waits for it never notice."""
    first, second, third = hands.jobs(3)
    LEAVE[how](hands, second)
    assert hands.places() == [first.id]
    assert hands.redis.smembers(JOINED) == {third.id.encode()}
    hands.succeed(first)
    assert hands.readable(third)
    if how == "cancel":
        assert hands.get(second).status is JobStatus.CANCELLED


def test_a_lost_attempt_of_the_leader(hands: SameWork) -> None:
    """It is tried again, and who waits for it waits on; when it is given up, it is given up for all."""
    first, second = hands.jobs(2)
    for _ in range(2):
        begun = hands.bench.worker.claim(first.id)
        assert begun is not None
        assert hands.get(second).status is JobStatus.QUEUED
        hands.redis.zadd(DUE, {first.id: 1, second.id: 1})
        hands.parts.sweep()
    for job in map(hands.get, (first, second)):
        assert (job.status, job.error and job.error.code) == (JobStatus.FAILED, Loss.WORKER_LOST)


@pytest.mark.parametrize("listed", [True, False])
def test_a_leader_that_vanishes(hands: SameWork, listed: bool) -> None:
    """Its record is gone, or it was ended by a version that knows of no followers: when their time comes, one of them
    takes its place; where even the list is gone, each is done by itself.
    """
    first, second, third = hands.jobs(3)
    hands.redis.delete(job_key(first.id), *([] if listed else [f"{job_key(first.id)}:followers"]))
    for job in (second, third):
        hands.redis.zadd(DUE, {job.id: 1})
        hands.parts.run(hands.parts.sweeper.handle(job.id))
    assert hands.get(second).follows is None
    assert hands.get(third).follows == (second.id if listed else None)
    hands.succeed(second)
    if not listed:
        hands.succeed(third)
    assert hands.readable(third)


def test_a_follower_whose_time_comes_waits_on(hands: SameWork) -> None:
    """As long as its leader is to end, nothing is sent."""
    first, second = hands.jobs(2)
    hands.redis.zadd(DUE, {second.id: 1})
    hands.parts.sweep()
    assert hands.bench.messages() == 0
    assert (hands.get(second).follows, hands.places()) == (first.id, [first.id])
    assert hands.redis.zscore(DUE, second.id) > 1


def test_a_follower_that_a_worker_gets_runs(hands: SameWork) -> None:
    """A message that nobody remembers sending: it runs by itself, and its leader's end is not its own."""
    first, second = hands.jobs(2)
    begun = hands.bench.worker.claim(second.id)
    assert begun is not None
    hands.succeed(first)
    assert hands.get(second).status is JobStatus.RUNNING
    prefix = attempt_prefix(begun.id, begun.claim)
    assert hands.bench.worker.succeed(begun, prefix)
    assert (hands.get(second).result_key, hands.get(second).cached) == (prefix, False)


def test_so_many_may_wait_for_one(hands: SameWork, monkeypatch: pytest.MonkeyPatch) -> None:
    """An end that is many jobs' is one move, which must be short: the next one leads another group."""
    monkeypatch.setattr(clients, "MOST_FOLLOWERS", 2)
    ways = [hands.create()[1].way for _ in range(7)]
    assert ways == [Way.CREATED, Way.JOINED, Way.JOINED, Way.CREATED, Way.JOINED, Way.JOINED, Way.CREATED]
    assert hands.parts.run(hands.parts.store.queued()) == 7


def test_owners_do_not_share(hands: SameWork) -> None:
    """Nobody learns from his job what another owner has had done."""
    mine, theirs = (hands.create()[0] for _ in range(2))
    job_id = new_job_id()
    job = new_job(job_id, KMeansParams(), mine.upload, owner="somebody")
    assert hands.parts.run(hands.parts.store.create(job, join=True)).way is Way.CREATED
    assert hands.get(theirs).follows == mine.id


ENDS: dict[str, Callable[[SameWork, Job], None]] = {"delete": SameWork.delete, "expire": SameWork.expire}


@pytest.mark.parametrize("order", list(permutations(range(3))))
@pytest.mark.parametrize("how", ENDS)
def test_files_live_as_long_as_the_last_job_that_has_them(hands: SameWork, how: str, order: tuple[int, ...]) -> None:
    """The one that made them, one that joined it, one that came later: whichever goes first, the others' stay."""
    first, second = hands.jobs(2)
    hands.succeed(first)
    third, created = hands.create()
    assert created.way is Way.DONE
    left = [first, second, third]
    for place in order:
        gone = (first, second, third)[place]
        assert all(map(hands.readable, left))
        ENDS[how](hands, gone)
        left.remove(gone)
        hands.bench.collect()
        assert hands.results() == (1 if left else 0)
    assert hands.create()[1].way is Way.CREATED


def test_nobody_gets_a_result_that_is_going(hands: SameWork) -> None:
    """Between the release of its files and the end of its record a job is no source any more."""
    (first,) = hands.jobs(1)
    hands.succeed(first)
    assert hands.parts.run(hands.parts.store.release(first.id, first.id))
    assert hands.create()[1].way is Way.CREATED


def test_files_of_jobs_that_vanished_are_collected(hands: SameWork) -> None:
    """Where no record is left of those that had them, not even a list of them keeps files."""
    first, second = hands.jobs(2)
    hands.succeed(first)
    hands.redis.delete(job_key(first.id))
    hands.bench.collect()
    assert hands.readable(second)
    hands.redis.delete(job_key(second.id))
    hands.bench.collect()
    assert hands.results() == 0
