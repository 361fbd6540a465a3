"""The jobs' state machine, held against a model of it: any interleaving of moves, in a real Valkey and a real Redis.

`JOB_MACHINES` sets how many runs are tried (each of up to `STEPS` moves); `make test-faults` tries many more.
"""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from shared.contract.errors import UnknownParameters
from shared.contract.params import AnyParams, KMeansParams, OpticsParams
from shared.jobs import moves, worker
from shared.jobs.deliveries import ENDS, EVENTS, Delivery, DeliveryState, delivery_id
from shared.jobs.keys import DUE, host_outbox_key, job_key
from shared.jobs.model import (
    Callback,
    Job,
    JobError,
    JobStatus,
    Loss,
    Progress,
    UnknownParams,
    Upload,
    new_job,
    new_job_id,
)
from shared.jobs.moves import Hold, hold_of
from shared.jobs.routing import QUEUES
from shared.jobs.worker import WorkerStore
from shared.runtime import connections
from tests.support.hands import LONG, MAX_ATTEMPTS, WORKERS, Hands, hands_on
from tests.support.job_model import HOST, Model, Seen, check_model, check_promise, job_of_message, look
from tests.support.processes import StoreServer

MACHINES = int(os.environ.get("JOB_MACHINES", "25"))
STEPS = 30
JOBS = 3  # of one run: few, so that much happens to each
PATIENCE_SECONDS = 60.0
LATER = UnknownParams(algorithm="spectral")
LONG_AGO = "2000-01-01T00:00:00+00:00"
FEW = settings(
    max_examples=MACHINES,
    stateful_step_count=STEPS,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)

fractions = st.sampled_from([0.25, 0.5, 0.75])
workers = st.integers(0, WORKERS - 1)
losses = st.sampled_from(list(Loss))


class JobMachine(RuleBasedStateMachine):
    """Every rule says which jobs it may touch: of all others, and of all after a refusal, not a byte may change."""

    jobs = Bundle("jobs")
    # What workers were given, however long ago. Each delivery adds one, the latest again or None if nothing was given:
    # what is drawn must not depend on who wins in `all_at_once`, nor on the order in which a sweep takes random ids.
    holds = Bundle("holds")
    looks = Bundle("looks")  # what a gateway has read, however long ago

    def __init__(self, hands: Hands) -> None:
        super().__init__()
        self.hands, self.store = hands, hands.parts.store
        self.models: dict[str, Model] = {}
        self.seen: dict[str, Seen] = {}
        self.touched: set[str] = set()
        self.messages: list[str] = []
        self.last_hold: Job | None = None
        self.hands.clear()

    def expect(self, job: Job, allowed: bool, done: object) -> None:
        assert bool(done) == allowed, f"{'refused' if allowed else 'done'}, against the model"
        if done:
            self.touched.add(job.id)

    # The client and the gateway.

    @initialize(target=jobs)
    def begin(self) -> Job:
        return self.create(KMeansParams(), sent=True)

    @precondition(lambda self: len(self.models) < JOBS)
    @rule(
        target=jobs,
        params=st.sampled_from([KMeansParams(), OpticsParams(), LATER]),
        sent=st.booleans(),
        wanted=st.sampled_from([(), ENDS, EVENTS, ("cancelled", "running")]),
    )
    def create(self, params: AnyParams | UnknownParams, sent: bool, wanted: tuple[str, ...] = EVENTS) -> Job:
        job_id = new_job_id()
        upload = Upload(key=f"uploads/{job_id}", size=3, sha256="0" * 64)
        callback = Callback(url=f"https://{HOST}/", host=HOST, events=wanted) if wanted else None
        job = new_job(job_id, params, upload, callback=callback)
        self.hands.ask(self.store.create(job))
        if sent:
            self.hands.parts.queue.send(job)
        self.models[job.id] = Model(MAX_ATTEMPTS, later=params is LATER, wanted=wanted)
        self.touched.add(job.id)
        return job

    @rule(target=looks, job=jobs)
    def read(self, job: Job) -> Job:
        return self.hands.ask(self.store.get(job.id)) or job

    @rule(job=looks)
    def cancel(self, job: Job) -> None:
        model = self.models[job.id]
        allowed = model.cancel()
        found = self.hands.ask(self.store.cancel(job))
        if job.ended:
            assert found == job, "what had ended when it was read needs no second look"
        else:
            assert (found.status if found else None) == (None if model.forgotten else model.status)
        # Nobody tells a client whether it was its own call that cancelled: the record does.
        self.expect(job, allowed, allowed)

    @rule(job=holds, how=st.sampled_from(["succeed", "fail", "cancel"]))
    def cancel_late(self, job: Job | None, how: str) -> None:
        """A gateway has read the job and is about to cancel it; its end comes first."""
        if job is None:
            return
        read = self.read(job)
        if how == "cancel":
            self.cancel(read)
        else:
            self.end(job, 0, how)
        self.cancel(read)

    @rule(job=jobs)
    def delete(self, job: Job) -> None:
        self.models[job.id].cancel()
        self.hands.ask(self.store.cancel(job))
        self.hands.ask(self.store.forget(job.id))
        self.models[job.id].forgotten, self.models[job.id].due = True, False
        self.touched.add(job.id)

    # Messages and workers.

    @precondition(lambda self: self.models)
    @rule(target=holds, worker=workers, queue=st.sampled_from(QUEUES), again=st.booleans())
    def deliver(self, worker: int, queue: str, again: bool) -> Job | None:
        """The next message comes to a worker, and may be delivered once more later."""
        message = self.hands.client.rpop(queue)
        if not isinstance(message, bytes):
            return self.last_hold
        if again:
            self.hands.client.lpush(queue, message)
        return self._claimed(worker, job_of_message(message))

    @rule(target=holds, worker=workers, job=jobs)
    def deliver_twice(self, worker: int, job: Job) -> Job | None:
        """A message comes that nobody remembers sending."""
        return self._claimed(worker, job.id)

    def _claimed(self, worker: int, job_id: str) -> Job | None:
        """What the worker is given, or what was given last."""
        if job_id not in self.models:
            return self.last_hold
        try:
            begun = self.hands.workers[worker].claim(job_id)
        except UnknownParameters:
            assert self.models[job_id].refuse()
            self.touched.add(job_id)
            return self.last_hold
        assert not self.models[job_id].refuse()
        allowed = self.models[job_id].claim()
        assert (begun is not None) == allowed
        if begun is None:
            return self.last_hold
        assert begun.claim == self.models[job_id].claims
        self.touched.add(job_id)
        self.last_hold = begun
        return begun

    @rule(queue=st.sampled_from(QUEUES))
    def drop_message(self, queue: str) -> None:
        self.hands.client.rpop(queue)

    @rule(job=holds, worker=workers, fraction=fractions)
    def report(self, job: Job | None, worker: int, fraction: float) -> None:
        if job is None:
            return
        progress = Progress(stage="cluster", fraction=fraction)
        done = self.hands.workers[worker].report(job, progress)
        self.expect(job, self.models[job.id].renew(job.claim, progress.model_dump()), done)

    @rule(job=holds)
    def renew(self, job: Job | None) -> None:
        if job is None:
            return
        done = self.hands.guard.renew(hold_of(job))
        self.expect(job, self.models[job.id].renew(job.claim), done)

    @rule(job=holds, loss=losses)
    def lose(self, job: Job | None, loss: Loss) -> None:
        if job is None:
            return
        done = self.hands.guard.lose(hold_of(job), loss)
        self.expect(job, self.models[job.id].lose(job.claim, loss), done)

    @rule(job=holds, worker=workers, how=st.sampled_from(["succeed", "fail"]))
    def end(self, job: Job | None, worker: int, how: str) -> None:
        if job is None:
            return
        model, store = self.models[job.id], self.hands.workers[worker]
        if how == "succeed":
            key = f"results/{job.id}/{job.claim}/"
            self.expect(job, model.succeed(job.claim, key), store.succeed(job, key))
        else:
            error = JobError(code="broken_image", message="cut off")
            self.expect(job, model.fail(job.claim, error.code), store.fail(job, error))

    @rule(target=holds, job=jobs, told=st.none() | losses, word=st.sampled_from(["report", "renew", "lose", "end"]))
    def come_back(self, job: Job, told: Loss | None, word: str) -> Job | None:
        """A worker is lost, another gets its job, and the first one goes on. In one rule, so that it is not rare."""
        if self.models[job.id].status == "queued":
            self._claimed(0, job.id)
        before = self.read(job)
        after = self._taken_over(job, 1, told)
        if before.status is JobStatus.RUNNING:
            if word == "report":
                self.report(before, 0, 0.5)
            elif word == "renew":
                self.renew(before)
            elif word == "lose":
                self.lose(before, Loss.OUT_OF_MEMORY)
            else:
                self.end(before, 0, "succeed")
        return after

    def _taken_over(self, job: Job, worker: int, told: Loss | None) -> Job | None:
        """Its worker is lost, which it tells or not; a sweep; another one claims it."""
        model = self.models[job.id]
        if told is not None and model.status == "running":
            self.hands.guard.lose(Hold(job.id, model.claims, job.queue), told)
            model.lose(model.claims, told)
        elif model.status == "running":
            self.let_time_come(job)
        self.sweep()
        return self._claimed(worker, job.id)

    # Callbacks.

    @rule(outcome=st.none() | st.sampled_from(["waiting", "delivered", "given_up"]))
    def call_back(self, outcome: str | None) -> None:
        """A sender takes a delivery, and writes down what became of it, twice; or is lost."""
        waiting = [
            model for model in self.models.values() if not model.forgotten and "waiting" in model.deliveries.values()
        ]
        if waiting:
            assert self.hands.ask(self.hands.outbox.due_hosts(1)) == [HOST], "else no sender asks for it"
        taken = self.hands.ask(self.hands.outbox.take(HOST))
        assert (taken is not None) == bool(waiting)
        if taken is None:
            return
        self.touched.add(taken.job_id)
        deliveries = self.models[taken.job_id].deliveries
        assert deliveries[taken.event] == "waiting"
        deliveries[taken.event] = "sending"
        if outcome is not None:
            done = [self._settled(taken, outcome) for _ in range(2)]
            assert done == [True, False]
            deliveries[taken.event] = outcome

    def _settled(self, taken: Delivery, outcome: str) -> bool:
        return self.hands.ask(self.hands.outbox.settle(taken, taken.attempts[-1], DeliveryState(outcome)))

    @rule(job=jobs)
    def call_back_again(self, job: Job) -> None:
        """A client wants to be told all of it again: what is being sent is left alone."""
        deliveries = self.models[job.id].deliveries
        found = self.hands.ask(self.hands.outbox.deliveries(job))
        assert {delivery.event for delivery in found} == (set() if self.models[job.id].forgotten else set(deliveries))
        for delivery in found:
            assert self.hands.ask(self.hands.outbox.replay(delivery))
            self.touched.add(job.id)
            if deliveries[delivery.event] != "sending":
                deliveries[delivery.event] = "waiting"

    @rule(job=jobs)
    def let_senders_be_lost(self, job: Job) -> None:
        """The leases of deliveries that are being sent end: others may take them."""
        model = self.models[job.id]
        for event, state in model.deliveries.items():
            if state == "sending" and not model.forgotten:
                self.hands.client.zadd(host_outbox_key(HOST), {delivery_id(job.id, event): 1})
                taken = self.hands.ask(self.hands.outbox.take(HOST))
                assert taken is not None
                assert (taken.job_id, taken.event) == (job.id, event)
                assert self._settled(taken, "waiting")
                assert not self._settled(taken.model_copy(update={"claim": taken.claim - 1}), "delivered")
                model.deliveries[event] = "waiting"
                self.touched.add(job.id)

    # Time and the sweep.

    @rule(job=jobs)
    def let_time_come(self, job: Job) -> None:
        """Its lease ends, its message is held for lost, its result expires."""
        model = self.models[job.id]
        if not (model.forgotten or model.expired):
            self.hands.client.zadd(DUE, {job.id: 1})
            model.due = True
            self.touched.add(job.id)

    @rule(job=jobs)
    def let_refusals_age(self, job: Job) -> None:
        """For a quarter of an hour no worker knew what the job wants."""
        model = self.models[job.id]
        if model.refused and model.status == "queued" and not model.forgotten:
            self.hands.client.hset(job_key(job.id), "refused_at", LONG_AGO)
            model.long_ago = True
            self.touched.add(job.id)

    @rule()
    def sweep(self) -> None:
        before = self._waiting()
        self.hands.ask(self.hands.parts.sweeper.sweep())
        self.touched |= {job_id for job_id, model in self.models.items() if model.due}
        assert self._waiting() - before == sum(model.swept() for model in self.models.values())

    @rule(job=jobs)
    def handle(self, job: Job) -> None:
        """A sweep comes to a job that it has listed, whatever has become of it since."""
        before, model = self._waiting(), self.models[job.id]
        self.hands.ask(self.hands.parts.sweeper.handle(job.id))
        self.touched |= {job.id} if model.due else set()
        assert self._waiting() - before == model.swept()

    @rule(job=looks)
    def sweep_late(self, job: Job) -> None:
        """A sweep that has read the job long ago goes on: what became of it since then is left alone."""
        model = self.models[job.id]
        if job.status is JobStatus.QUEUED and isinstance(job.params, UnknownParams):
            error = JobError(code="unknown_parameters", message="nobody knows them")
            self.expect(job, model.reject(job.claim), self.hands.ask(self.hands.parts.due.reject(job, error)))
        elif job.status is JobStatus.QUEUED:
            allowed = model.due and (model.status, model.claims) == ("queued", job.claim) and not model.forgotten
            self.expect(job, allowed, self.hands.ask(self.hands.parts.due.resend(job)))
            model.due = model.due and not allowed
        elif job.status is JobStatus.RUNNING and job.attempt >= MAX_ATTEMPTS:
            done = self.hands.ask(self.hands.parts.due.fail(job, JobError(code="worker_lost", message="three times")))
            self.expect(job, model.due and model.fail(job.claim, "worker_lost"), done)
        elif job.status is JobStatus.RUNNING:
            done = self.hands.ask(self.hands.parts.due.give_back(job, Loss.WORKER_LOST))
            self.expect(job, model.give_back(job.claim, Loss.WORKER_LOST), done)
        elif not job.settled:
            self.expect(job, model.settle(), self.hands.ask(self.hands.parts.due.settle(job)))

    @rule(job=jobs, hold=consumes(holds), ends=st.sampled_from(["succeed", "fail", "lose"]), cancelled=st.booleans())
    def all_at_once(self, job: Job, hold: Job | None, ends: str, cancelled: bool) -> None:
        """Two deliveries, two sweeps, a worker's end and a cancel, of jobs whose time has come, at the same moment."""
        if hold is None:
            return
        self.let_time_come(job)
        self.let_time_come(hold)
        first, second, third = self.hands.workers
        end: dict[str, Callable[[], object]] = {
            "succeed": lambda: third.succeed(hold, f"results/{hold.id}/{hold.claim}/"),
            "fail": lambda: third.fail(hold, JobError(code="broken_image", message="cut off")),
            "lose": lambda: self.hands.guard.lose(hold_of(hold), Loss.OUT_OF_MEMORY),
        }
        ours = self.models[hold.id].holds(hold.claim)

        async def together() -> list[Any]:
            return await asyncio.gather(
                asyncio.to_thread(claimed_or_refused, first, job.id),
                asyncio.to_thread(claimed_or_refused, second, job.id),
                asyncio.to_thread(end[ends]),
                self.hands.parts.sweeper.sweep(),
                self.hands.parts.sweeper.sweep(),
                self.store.cancel(job) if cancelled else asyncio.sleep(0),
            )

        before = self.seen | look(self.hands.client, [job.id, hold.id])
        one, other, done, *_ = self.hands.ask(together())
        assert ours or not done, "a stale token wrote"
        self.touched |= {job_id for job_id, model in self.models.items() if model.due}
        # What becomes of a job becomes of who waits for its end.
        self.touched |= {job_id for job_id, model in self.models.items() if model.leader}
        for job_id in self.touched:
            self._catch_up(job_id, before[job_id])
        self._catch_up_followers()
        if done and ends == "succeed":
            assert self.models[hold.id].result_key == f"results/{hold.id}/{hold.claim}/"
        won = [begun.claim for begun in (one, other) if begun is not None]
        assert len(won) == len(set(won)), "two have the same token"

    def _catch_up(self, job_id: str, before: Seen) -> None:
        """Take over what has become of a job, as far as the promise allows it."""
        model = self.models[job_id]
        after = look(self.hands.client, [job_id])[job_id]
        if model.forgotten:
            return
        model.expired = not after.events
        check_promise(after, MAX_ATTEMPTS, expired=model.expired)
        if before.status in ("succeeded", "failed", "cancelled"):
            assert after.end == before.end, "what has ended never changes"
        error = after.document("error")
        model.status, model.claims = after.text("status"), int(after.text("claim"))
        model.counted, model.result_key = int(after.text("attempt")), after.text("result_key") or None
        model.told, model.code = Loss(after.text("loss")) if after.text("loss") else None, error and error["code"]
        model.progress = after.document("progress")
        model.reasons = [attempt["reason"] for attempt in after.document("attempts") or []]
        model.returns = after.event_names().count("queued") - 1
        model.settled = after.text("settled") == "1"
        model.refused = bool(after.text("refused_at"))
        model.long_ago = after.text("refused_at") == LONG_AGO
        model.due = after.due is not None and after.due < self._clock() + LONG / 2
        model.deliveries = {event: fields[b"state"].decode() for event, fields in after.deliveries.items()}

    def _catch_up_followers(self) -> None:
        for job_id, model in self.models.items():
            found = self.hands.client.lrange(f"{job_key(job_id)}:followers", 0, -1)
            model.followers = [self.models[other.decode()] for other in found]
            follows = self.hands.client.hget(job_key(job_id), "follows")
            model.leader = self.models[follows.decode()] if follows else None
            model.cached = self.hands.client.hget(job_key(job_id), "cached") == b"1"
        for model in self.models.values():
            assert all(other.leader is model for other in model.followers), "a list has whom it should not have"
            assert model.leader is None or model in model.leader.followers, "a list has not whom it should have"

    def _clock(self) -> float:
        seconds, _ = self.hands.client.time()
        return float(seconds)

    # What must hold.

    @invariant()
    def as_the_model_says(self) -> None:
        """Also: an ended job never changes again, and a refused move changes nothing."""
        for job_id, model in self.models.items():
            self.touched |= {job_id} if model.changed else set()
            model.changed = False
        seen = look(self.hands.client, list(self.models))
        for job_id, now in seen.items():
            check_model(now, self.models[job_id])
            if job_id not in self.touched:
                assert now == self.seen[job_id], "changed by nobody's move"
            before = self.seen.get(job_id)
            if (
                before is not None
                and self.models[job_id].ended
                and before.status in ("succeeded", "failed", "cancelled")
            ):
                assert now.end in (before.end, {})
        self.seen, self.touched = seen, set()

    def teardown(self) -> None:
        """Even if from now on every worker dies with its job, every job ends."""
        rounds = 0
        while open_jobs := [job_id for job_id, model in self.models.items() if not (model.ended or model.forgotten)]:
            assert rounds <= 2 * MAX_ATTEMPTS, f"{open_jobs} do not end"
            self.hands.client.zadd(DUE, dict.fromkeys(open_jobs, 1))
            for job_id in open_jobs:
                if self.models[job_id].later:
                    self.hands.client.hset(job_key(job_id), "refused_at", LONG_AGO)
            self.hands.ask(self.hands.parts.sweeper.sweep())
            for queue in QUEUES:
                while isinstance(message := self.hands.client.rpop(queue), bytes):
                    claimed_or_refused(self.hands.workers[0], job_of_message(message))
            for job_id, now in look(self.hands.client, open_jobs).items():
                check_promise(now, MAX_ATTEMPTS)
                self.models[job_id].status = now.text("status")
            rounds += 1

    def _waiting(self) -> int:
        """Messages in the queues."""
        return sum(int(self.hands.client.llen(queue)) for queue in QUEUES)


def claimed_or_refused(worker: WorkerStore, job_id: str) -> Job | None:
    """What the worker is given; None too where it does not know what the job wants."""
    try:
        return worker.claim(job_id)
    except UnknownParameters:
        return None


def test_any_interleaving_keeps_the_promise(
    server: StoreServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever comes in whatever order, twice or too late: one end, at most three attempts, no stale writer, no job
    that is forgotten; and each move does what the model says, to its own job alone."""
    nothing_comes_by_itself(monkeypatch)
    with hands_on(server, tmp_path) as hands:
        run_state_machine_as_test(lambda: JobMachine(hands), settings=FEW)


def nothing_comes_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time passes by a rule alone."""
    # The model knows of no answer that is lost: here nobody gives up a store that stands still for a second.
    for name in ("SOCKET_SECONDS", "GUARD_SOCKET_SECONDS"):
        monkeypatch.setattr(connections, name, PATIENCE_SECONDS)
    monkeypatch.setattr(moves, "SETTLE_SECONDS", LONG)
    for name in ("REFUSAL_SECONDS", "MOST_REFUSAL_SECONDS"):
        monkeypatch.setattr(worker, name, LONG)
