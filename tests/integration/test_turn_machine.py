"""Whose turn it is, held against a plain model: owners, priorities and ages, in a real Valkey and a real Redis."""

import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from shared.contract.description import PRIORITIES, Description, Priority
from shared.contract.errors import UnknownParameters, UnreadableRecord
from shared.contract.params import KMeansParams
from shared.jobs.clients import Way
from shared.jobs.keys import DUE, had_key, job_key, line_key, pace_key, queued_key, turns_key
from shared.jobs.model import Job, JobError, JobStatus, Loss, UnknownParams, Upload, new_job, new_job_id
from shared.jobs.moves import hold_of
from shared.jobs.routing import FAST
from shared.jobs.worker import Turn
from tests.integration.test_job_machine import MACHINES, nothing_comes_by_itself
from tests.support.hands import MAX_ATTEMPTS, Hands, hands_on
from tests.support.processes import StoreServer
from tests.support.turns_model import Turns, Waiting

OWNERS = ("", "hm_ada", "hm_bo")
LATER = UnknownParams(algorithm="spectral")
FEW = settings(
    max_examples=MACHINES,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)

owners, priorities = st.sampled_from(OWNERS), st.sampled_from(PRIORITIES)


class TurnsMachine(RuleBasedStateMachine):
    """Jobs come, have their turns, end, are lost, cancelled, broken; at each turn the model says whose it is."""

    jobs = Bundle("jobs")

    def __init__(self, hands: Hands) -> None:
        super().__init__()
        self.hands, self.redis, self.worker = hands, hands.client, hands.workers[0]
        self.turns = Turns()
        self.known: dict[str, Waiting] = {}
        self.running: dict[str, Job] = {}
        self.charged_to: dict[str, float] = {}
        self.leading: dict[str, str] = {}
        """Of each image the job that does its work."""
        self.left_over = 0
        """Jobs that an earlier version has ended, and left in their lines: they count until their turn comes."""
        self.slack = 0.001
        """By how much the model's clock may be wrong: runs last as long as is given, and a little longer."""
        hands.clear()

    # Who comes.

    @rule(target=jobs, owner=owners, priority=priorities, later=st.sampled_from([False] * 5 + [True]))
    def post(self, owner: str, priority: Priority, later: bool) -> Job:
        return self._posted(owner, priority, LATER if later else KMeansParams())

    @rule(target=jobs, other=jobs, priority=priorities)
    def post_the_same(self, other: Job, priority: Priority) -> Job:
        """It waits for the end of the job that does this work, if one does."""
        return self._posted(other.owner, priority, other.params, other.upload.sha256)

    def _posted(self, owner: str, priority: Priority, params: object, sha256: str | None = None) -> Job:
        job, way = self._created(owner, priority, params, sha256)
        leader = self.known.get(self.leading.get(job.upload.sha256, ""))
        assert way is (Way.CREATED if leader is None else Way.JOINED)
        if leader is None:
            self.leading[job.upload.sha256] = job.id
            self.known[job.id] = self.turns.come(owner, priority == "batch")
        else:
            self.known[job.id] = self.turns.join(leader, priority == "batch")
        return job

    def _created(self, owner: str, priority: Priority, params: object, sha256: str | None = None) -> tuple[Job, Way]:
        job_id = new_job_id()
        upload = Upload(key=f"uploads/{job_id}", size=3, sha256=sha256 or 2 * job_id)
        job = new_job(job_id, params, upload, description=Description(priority=priority), owner=owner)
        job = job.model_copy(update={"queue": FAST})
        return job, self.hands.ask(self.hands.parts.store.create(job, join=True)).way

    @rule()
    def post_to_an_earlier_gateway(self) -> None:
        """It knows no lines, owners and places: its job stands among the queued ones, and in its message."""
        job, _ = self._created("", "interactive", KMeansParams())
        self.redis.hdel(job_key(job.id), "place")
        self.redis.zrem(line_key(FAST, ""), job.id)
        if not self.redis.exists(line_key(FAST, "")):
            self.redis.zrem(turns_key(FAST), "")
        self.known[job.id] = self.turns.come("", False, in_line=False)
        self._take(job.id)

    # Who has a turn.

    @rule(dies=st.sampled_from([False, False, True]))
    def take(self, dies: bool) -> None:
        """A message comes to a worker, which is lost before it claims what it is given, or goes on."""
        self._take(dies=dies)

    def _take(self, named: str = "", *, dies: bool = False) -> None:
        if named:
            self.turns.line_up(self.known[named])
        given = self.worker.turn(FAST, named)
        expected = {id(self.turns.line(owner)[0]) for owner in self.turns.next(self.slack)}
        assert (given is not None) == bool(expected)
        if given is None:
            return
        model = self.known[given.job_id]
        assert id(model) in expected, "it is another one's turn"
        self.turns.taken(model)
        if not dies:
            self._claim(given)

    def _claim(self, given: Turn) -> None:
        run = float(self.redis.hget(pace_key(FAST), "run") or 0.01)
        try:
            job = self.worker.claim(*given)
        except (UnknownParameters, UnreadableRecord):
            return  # it stands in no line: it is not given to the next worker too
        assert job is not None
        self.running[job.id] = job
        self.charged_to[job.id] = self.turns.charge(self.known[job.id].owner, run)

    @rule(seconds=st.sampled_from([0, 1, 2, 3.5, 20]), cancelled=st.booleans())
    def end(self, seconds: float, cancelled: bool) -> None:
        """The first that runs ends, after so many seconds."""
        if not self.running:
            return
        job = self.running[next(iter(self.running))]
        charged = float(self.redis.hget(job_key(job.id), "charged") or 0)
        begin, (at, micro) = time.monotonic(), self.redis.time()
        self.redis.hset(job_key(job.id), "began", at + micro / 1e6 - seconds)
        if cancelled:
            self._cancel(job)
        else:
            assert self.worker.fail(job, JobError(code="broken_image", message="cut off"))
        self.slack += time.monotonic() - begin
        self.turns.settle(self.known[job.id].owner, seconds - charged, self.charged_to[job.id])
        self._gone(job, with_followers=not cancelled)

    def _cancel(self, job: Job) -> None:
        found = self.hands.ask(self.hands.parts.store.cancel(job))
        assert found is not None
        assert found.status is JobStatus.CANCELLED

    def _gone(self, job: Job, *, with_followers: bool = False) -> None:
        """The model forgets it, and with it, where its end was theirs, those who waited for it."""
        model = self.known.pop(job.id)
        self.running.pop(job.id, None)
        heirs = {id(follower) for follower in model.followers}
        if with_followers:
            self.known = {job_id: each for job_id, each in self.known.items() if id(each) not in heirs}
            model.followers = []
        heir = self.turns.gone(model)
        if self.leading.get(job.upload.sha256) == job.id:
            del self.leading[job.upload.sha256]
        if heir is not None:
            self.leading[job.upload.sha256] = next(job_id for job_id, each in self.known.items() if each is heir)

    # What goes wrong.

    @rule(job=jobs)
    def cancel(self, job: Job) -> None:
        if job.id in self.known and job.id not in self.running:
            self._cancel(job)
            self._gone(job)

    @rule(loss=st.sampled_from(list(Loss)))
    def lose(self, loss: Loss) -> None:
        """The first that runs loses its worker: it goes back to its place, as old as it is, or is given up."""
        if not self.running:
            return
        job = self.running.pop(next(iter(self.running)))
        if loss is Loss.TIMEOUT or job.attempt >= MAX_ATTEMPTS:
            self.running[job.id] = job
            return
        assert self.hands.guard.lose(hold_of(job), loss)
        assert self.hands.ask(self.hands.parts.due.give_back(job, loss))
        self.turns.line_up(self.known[job.id])

    @rule(job=jobs)
    def sweep(self, job: Job) -> None:
        """The time of a job comes that is not in line because a worker was lost or refused it: it lines up again."""
        model = self.known.get(job.id)
        if model is not None and job.id not in self.running and model.leader is None:
            self.redis.zadd(DUE, {job.id: 1})
            self.hands.ask(self.hands.parts.sweeper.handle(job.id))
            self.turns.line_up(model)

    @rule(job=jobs)
    def cancel_by_an_earlier_version(self, job: Job) -> None:
        """It knows no lines: what is left there is passed over."""
        model = self.known.get(job.id)
        if model is not None and job.id not in self.running and model.leader is None and not model.followers:
            self.redis.zrem(queued_key(FAST), job.id)
            self.redis.hset(job_key(job.id), mapping={"status": "cancelled", "finished_at": job.created_at.isoformat()})
            model.dead = True
            self.left_over += model.in_line
            del self.known[job.id], self.leading[job.upload.sha256]

    @rule()
    def wait_for_a_minute(self) -> None:
        """What those have had who want nothing is forgotten."""
        self.redis.delete(*(had_key(FAST, owner) for owner in OWNERS))
        self.turns.a_minute_passes()

    # What must hold.

    @invariant()
    def lines_are_the_models(self) -> None:
        for owner in OWNERS:
            ids = [raw.decode() for raw in self.redis.zrange(line_key(FAST, owner), 0, -1)]
            assert [self.known[job_id] for job_id in ids if job_id in self.known] == [
                job for job in self.turns.line(owner) if not job.dead
            ]
            gone = [job_id for job_id in ids if job_id not in self.known]
            assert [job_id for job_id in gone if self.redis.zscore(queued_key(FAST), job_id)] == []

    def teardown(self) -> None:
        """From here on nobody comes: each job's turn comes, and no later than it was told."""
        told = {}
        for job_id, model in self.known.items():
            if model.in_line:
                job = self.hands.ask(self.hands.parts.store.get(job_id))
                assert job is not None
                told[job_id] = self.hands.ask(self.hands.parts.store.outlook(job)).position
        before = 0
        alone = len({self.known[job_id].owner for job_id in told}) == 1 and not self.left_over
        while (given := self.worker.turn(FAST)) is not None:
            assert before <= told[given.job_id] + self.left_over, "it was promised its turn earlier"
            assert not alone or before == told[given.job_id], "with one owner it is known exactly"
            before += 1
            self.hands.ask(self.hands.parts.store.get(given.job_id))
            self._begin_whatever_it_is(given)
        assert before == len(told)

    def _begin_whatever_it_is(self, given: Turn) -> None:
        """All run as long as lately: those too that this worker does not know."""
        fields = {**(given.fields or {})}
        fields[b"record"] = fields[b"record"].replace(b'"spectral"', b'"kmeans"')
        assert self.worker.claim(given.job_id, fields) is not None


def test_whose_turn_it_is(server: StoreServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has had least is next, then who is urgent, then who is old; whatever comes, goes, or is lost meanwhile.
    And no job's turn comes later than its position said.
    """
    nothing_comes_by_itself(monkeypatch)
    with hands_on(server, tmp_path) as hands:
        run_state_machine_as_test(lambda: TurnsMachine(hands), settings=FEW)
