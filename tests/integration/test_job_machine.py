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
    consumes,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from shared.contract.errors import UnknownParameters
from shared.contract.params import AnyParams, KMeansParams, OpticsParams
from shared.jobs import moves, worker
from shared.jobs.deliveries import EVENTS
from shared.jobs.keys import DUE, job_key
from shared.jobs.message import message_of
from shared.jobs.model import (
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
from shared.runtime import connections
from tests.support.hands import LONG, MAX_ATTEMPTS, WORKERS, Hands, hands_on
from tests.support.job_machine import LONG_AGO, JobsWithCallbacks, calling_back, claimed_or_refused
from tests.support.job_model import WANTED, Model, job_of_message, look
from tests.support.processes import StoreServer

MACHINES = int(os.environ.get("JOB_MACHINES", "25"))
STEPS = 30
JOBS = 3  # of one run: few, so that much happens to each
PATIENCE_SECONDS = 60.0
LATER = UnknownParams(algorithm="spectral")
FEW = settings(
    max_examples=MACHINES,
    stateful_step_count=STEPS,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)

fractions = st.sampled_from([0.25, 0.5, 0.75])
workers = st.integers(0, WORKERS - 1)
losses = st.sampled_from(list(Loss))


class JobMachine(JobsWithCallbacks):
    """What clients, workers and sweeps do."""

    jobs = JobsWithCallbacks.jobs
    # What workers were given, however long ago. Each delivery adds one, the latest again or None if nothing was given:
    # what is drawn must not depend on who wins in `all_at_once`, nor on the order in which a sweep takes random ids.
    holds = Bundle("holds")
    looks = Bundle("looks")  # what a gateway has read, however long ago

    def __init__(self, hands: Hands) -> None:
        super().__init__(hands)
        self.last_hold: Job | None = None

    # The client and the gateway.

    @initialize(target=jobs)
    def begin(self) -> Job:
        return self.create(KMeansParams(), sent=True)

    @precondition(lambda self: len(self.models) < JOBS)
    @rule(
        target=jobs,
        params=st.sampled_from([KMeansParams(), OpticsParams(), LATER]),
        sent=st.booleans(),
        wanted=st.sampled_from(WANTED),
    )
    def create(self, params: AnyParams | UnknownParams, sent: bool, wanted: tuple[str, ...] = EVENTS) -> Job:
        job_id = new_job_id()
        upload = Upload(key=f"uploads/{job_id}", size=3, sha256="0" * 64)
        job = new_job(job_id, params, upload, callback=calling_back(wanted))
        self.hands.ask(self.store.create(job, message=message_of(job) if sent else b""))
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
        before = self.waiting_messages()
        self.hands.ask(self.hands.parts.sweeper.sweep())
        self.touched |= {job_id for job_id, model in self.models.items() if model.due}
        assert self.waiting_messages() - before == sum(model.swept() for model in self.models.values())

    @rule(job=jobs)
    def handle(self, job: Job) -> None:
        """A sweep comes to a job that it has listed, whatever has become of it since."""
        before, model = self.waiting_messages(), self.models[job.id]
        self.hands.ask(self.hands.parts.sweeper.handle(job.id))
        self.touched |= {job.id} if model.due else set()
        assert self.waiting_messages() - before == model.swept()

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
            self.catch_up(job_id, before[job_id])
        self.catch_up_followers()
        if done and ends == "succeed":
            assert self.models[hold.id].result_key == f"results/{hold.id}/{hold.claim}/"
        won = [begun.claim for begun in (one, other) if begun is not None]
        assert len(won) == len(set(won)), "two have the same token"


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
