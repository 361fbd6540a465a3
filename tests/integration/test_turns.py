"""Whose turn it is, by example: floods, long and short jobs, absence, batches, and what goes wrong."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest
import redis

from shared.contract.description import Description, Priority
from shared.contract.errors import UnreadableRecord
from shared.contract.params import KMeansParams
from shared.jobs.keys import DUE, had_key, job_key, line_key, queued_key
from shared.jobs.model import Job, JobError, Upload, new_job, new_job_id
from shared.jobs.routing import FAST, SLOW
from tests.support.bench import Bench
from tests.support.gateway import Gateway, gateway
from tests.support.records import BROKEN, ID, WRONG_TYPES, place, place_wrong_type


@dataclass
class Line:
    """A worker, and owners who post; runs last for as long as they are said to."""

    bench: Bench
    parts: Gateway
    redis: redis.Redis

    def post(self, owner: str, queue: str = FAST, priority: Priority = "interactive") -> Job:
        job_id = new_job_id()
        upload = Upload(key=f"uploads/{job_id}", size=3, sha256=2 * job_id)
        job = new_job(job_id, KMeansParams(), upload, description=Description(priority=priority), owner=owner)
        job = job.model_copy(update={"queue": queue})
        self.parts.run(self.parts.store.create(job))
        return job

    def next(self, seconds: float | dict[str, float] | None = None, queue: str = FAST) -> str:
        """Whose turn it is; his job is claimed, and runs for so many seconds, which may be his own, or does not end."""
        job = self.begin(queue)
        if seconds is not None:
            self.end(job, seconds[job.owner] if isinstance(seconds, dict) else seconds)
        return job.owner

    def begin(self, queue: str = FAST) -> Job:
        given = self.bench.worker.turn(queue)
        assert given is not None
        job = self.bench.worker.claim(*given)
        assert job is not None
        return job

    def end(self, job: Job, seconds: float) -> None:
        at, micro = self.redis.time()
        self.redis.hset(job_key(job.id), "began", at + micro / 1e6 - seconds)
        assert self.bench.worker.fail(job, JobError(code="broken_image", message="cut off"))

    def position(self, job: Job) -> int:
        return self.parts.run(self.parts.store.outlook(job)).position


@pytest.fixture
def line(bench: Bench) -> Iterator[Line]:
    with gateway(bench.settings) as parts, bench.server.client() as client:
        yield Line(bench, parts, client)


def test_a_flood_stands_before_nobodys_first_job(line: Line) -> None:
    """Whoever comes while another's hundred jobs wait is the next, and knows it."""
    for _ in range(100):
        line.post("hm_many")
    assert [line.next() for _ in range(5)] == ["hm_many"] * 5
    for owner in ("hm_zoe", "hm_ada"):
        assert line.position(line.post(owner)) == (0 if owner == "hm_zoe" else 1)
    assert [line.next() for _ in range(3)] == ["hm_zoe", "hm_ada", "hm_many"], "who came first, not who is called first"


@pytest.mark.parametrize("ended", [False, True])
def test_what_was_charged_too_much_does_not_hold_up_who_comes(line: Line, ended: bool) -> None:
    """Jobs of a flood are expected to run for long, by those before them or because there were none, and end at once:
    whoever comes, before their end or after it, is next, or after one more.
    """
    for _ in range(40):
        line.post("hm_many")
    if ended:
        line.next(100)
    running = [line.begin(), line.begin()]
    if ended:
        for job in running:
            line.end(job, 0.01)
        line.post("hm_ada")
    else:
        line.post("hm_ada")
        for job in running:
            line.end(job, 0.2)
    assert "hm_ada" in [line.next() for _ in range(2)]


def test_it_is_time_that_is_shared(line: Line) -> None:
    """A holder of jobs of twenty seconds and one of jobs of one second have as much of the workers, not as many."""
    for owner, jobs in (("hm_long", 3), ("hm_short", 45)):
        for _ in range(jobs):
            line.post(owner)
    seconds, had = {"hm_long": 20.0, "hm_short": 1.0}, {"hm_long": 0.0, "hm_short": 0.0}
    for _ in range(44):
        owner = line.next(seconds)
        had[owner] += seconds[owner]
        assert abs(had["hm_long"] - had["hm_short"]) <= 22
    assert had["hm_long"] >= 40


@pytest.mark.parametrize("forgotten", [False, True])
def test_a_job_is_paid_for_once(line: Line, forgotten: bool) -> None:
    """Whoever has one job at a time comes soon after one that ran as long as another's many did meanwhile; also where
    nothing is known of him any more by then.
    """
    line.post("hm_one_by_one")
    job = line.begin()
    for _ in range(40):
        line.post("hm_flood")
    assert {line.next(20) for _ in range(15)} == {"hm_flood"}
    if forgotten:
        line.redis.delete(had_key(FAST, "hm_one_by_one"))
    line.end(job, 300)
    line.post("hm_one_by_one")
    assert "hm_one_by_one" in [line.next(20) for _ in range(3)]


def test_nobody_saves_up(line: Line) -> None:
    """Whoever was away while another had much shares with him from then on, and no more."""
    for _ in range(40):
        line.post("hm_there")
    assert {line.next(1) for _ in range(20)} == {"hm_there"}
    for _ in range(20):
        line.post("hm_away")
    turns = [line.next(1) for _ in range(20)]
    assert 9 <= turns.count("hm_away") <= 11


def test_each_queue_is_shared_by_itself(line: Line) -> None:
    """What somebody has had of the slow queue does not count in the fast one."""
    for queue in (SLOW, FAST):
        for owner in ("hm_one", "hm_other") if queue == FAST else ("hm_one",):
            line.post(owner, queue)
    assert line.next(300, SLOW) == "hm_one"
    assert [line.next(), line.next()] == ["hm_one", "hm_other"]


def test_batch_jobs_wait_for_a_day_and_not_for_ever(line: Line) -> None:
    """They let their owner's interactive jobs through that come within a day, and no others."""
    old, young, urgent = (line.post("hm_one", priority=priority) for priority in ("batch", "batch", "interactive"))
    assert [line.position(job) for job in (old, young, urgent)] == [1, 2, 0]
    place = float(line.redis.hget(job_key(old.id), "place"))
    line.redis.zadd(line_key(FAST, "hm_one"), {old.id: place - 24 * 3600 - 60})
    assert [line.position(job) for job in (old, young, urgent)] == [0, 2, 1]


def test_what_was_given_and_not_claimed_comes_back(line: Line) -> None:
    """A worker is lost between the two: nobody else is given the job until the sweep puts it back, in five seconds."""
    job = line.post("hm_one")
    assert line.bench.worker.turn(FAST) is not None
    assert line.bench.worker.turn(FAST) is None
    assert 3 < line.redis.zscore(DUE, job.id) - line.redis.time()[0] <= 6
    line.redis.zadd(DUE, {job.id: 1})
    line.parts.sweep()
    assert line.bench.messages() == 1
    assert line.next() == "hm_one"


@pytest.mark.parametrize("named", ["", "x", "0" * 31, "0" * 33, "0" * 32])
def test_a_message_that_names_no_job(line: Line, named: str) -> None:
    """Whatever stands in it, it is a hint: the jobs in line stay what they are, and the first has its turn."""
    first, second = line.post("hm_one"), line.post("hm_other")
    given = line.bench.worker.turn(FAST, named)
    assert given is not None
    assert given.job_id == first.id
    assert line.redis.zscore(queued_key(FAST), second.id) is not None
    assert line.next() == "hm_other"


@pytest.mark.parametrize("how", [*BROKEN, *WRONG_TYPES])
def test_a_broken_record_is_passed_over(line: Line, how: str) -> None:
    """It has a message of its own and is the oldest; the job behind it has its turn all the same, at once."""
    if how in WRONG_TYPES:
        place_wrong_type(line.redis, how)
    else:
        place(line.redis, BROKEN[how])
    queued = line.redis.zscore(queued_key(FAST), ID) is not None
    job = line.post("")
    given = line.bench.worker.turn(FAST, ID)
    assert given is not None
    if queued:
        assert given.job_id == ID
        with pytest.raises(UnreadableRecord):
            line.bench.worker.claim(*given)
        given = line.bench.worker.turn(FAST)
        assert given is not None
    assert given.job_id == job.id
    assert line.bench.worker.turn(FAST) is None


def test_ten_workers_at_once(line: Line) -> None:
    """Each that asks is given another job: none asks twice."""
    jobs = [line.post(owner) for owner in ("hm_one", "hm_other") for _ in range(10)]
    with ThreadPoolExecutor(10) as pool:
        given = list(pool.map(lambda _: line.bench.worker.turn(FAST), jobs))
    assert {turn.job_id for turn in given if turn} == {job.id for job in jobs}
