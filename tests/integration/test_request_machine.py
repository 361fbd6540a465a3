"""The jobs' state machine once more, with requests: sent again, raced, withdrawn, held by gateways that are gone."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, invariant, multiple, precondition, rule, run_state_machine_as_test

from shared.contract.errors import IdempotencyConflict, IdempotencyKeyReused, Refused
from shared.contract.params import KMeansParams
from shared.jobs.clients import VERSION, Way
from shared.jobs.deliveries import EVENTS
from shared.jobs.fingerprint import work_of
from shared.jobs.keys import RequestKey, idempotency_key, work_key
from shared.jobs.model import Job, Upload, new_job, new_job_id
from shared.jobs.reservations import Reservations
from tests.integration.test_job_machine import (
    FEW,
    JOBS,
    JobMachine,
    nothing_comes_by_itself,
)
from tests.support.hands import MAX_ATTEMPTS, Hands, hands_on
from tests.support.job_machine import calling_back
from tests.support.job_model import WANTED, Model
from tests.support.processes import StoreServer

GATEWAYS = [new_job_id() for _ in range(2)]  # what their requests are to become
texts = st.sampled_from(["one", "two"])
images = st.sampled_from(["a" * 64, "b" * 64])


@dataclass
class Used:
    """What a key stands for, as the promise has it."""

    job_id: str
    image: str
    wanted: tuple[str, ...]
    told: bool = False
    """Whether somebody who has sent the request again was answered with the job."""


class RequestMachine(JobMachine):
    """Jobs that come of requests with keys."""

    jobs = JobMachine.jobs
    requests: Bundle[tuple[Job, RequestKey]] = Bundle("requests")

    def __init__(self, hands: Hands) -> None:
        super().__init__(hands)
        self.reservations = Reservations(hands.parts.redis)
        self.used: dict[str, Used] = {}
        self.holders: dict[str, str] = {}
        self.withdrawn: set[str] = set()

    @precondition(lambda self: len(self.models) < JOBS)
    @rule(target=requests, text=texts, image=images, wanted=st.sampled_from(WANTED), join=st.booleans())
    def request(self, text: str, image: str, wanted: tuple[str, ...] = EVENTS, join: bool = False) -> Any:
        """A request comes with a key: for the first time, once more, or with something else in it."""
        key, job_id = RequestKey(text), new_job_id()
        job = _job(job_id, image, wanted)
        used = self.used.get(text)
        if used is not None and (used.image, used.wanted) != (image, wanted):
            with pytest.raises(IdempotencyKeyReused):
                self.hands.ask(self.store.create(job, key))
        elif used is not None:
            used.told = True
            assert self.hands.ask(self.store.create(job, key)).job_id == used.job_id
        elif text in self.holders:
            with pytest.raises(IdempotencyConflict):
                self.hands.ask(self.store.create(job, key))
        else:
            self._created(job, wanted, key, join=join)
            self.used[text] = Used(job_id, image, wanted)
            return job, key
        return multiple()

    @precondition(lambda self: len(self.models) < JOBS)
    @rule(target=jobs, image=images, followers=st.integers(1, 2), running=st.booleans())
    def leave_followers(self, image: str, followers: int, running: bool) -> Any:
        """A job is cancelled for whose end others wait. In one rule, so that it is not rare."""
        jobs = [self.join(image) for _ in range(1 + followers)]
        leader = next((job for job in jobs if self.models[job.id].followers), jobs[0])
        if running:
            self._claimed(0, leader.id)
        self.cancel(leader)
        return multiple(*jobs)

    @precondition(lambda self: len(self.models) < JOBS + 2)
    @rule(target=jobs, image=st.sampled_from(["0" * 64, "a" * 64]), wanted=st.sampled_from(WANTED))
    def join(self, image: str, wanted: tuple[str, ...] = EVENTS) -> Job:
        """A request comes that may have the result of a job that does the same work, or has done it.

        "000…" is what all jobs without a key are about.
        """
        job = _job(new_job_id(), image, wanted)
        self._created(job, wanted, join=True)
        return job

    def _created(self, job: Job, wanted: tuple[str, ...], key: RequestKey | None = None, *, join: bool) -> None:
        """A job is created, in the way that goes with what is known of its work."""
        name = self.hands.client.get(work_key("", VERSION, work_of(job))) if join else None
        other = self.models.get(name.decode()) if name else None
        created = self.hands.ask(self.store.create(job, key, join=join))
        assert created.job_id == job.id
        model = self.models[job.id] = Model(MAX_ATTEMPTS, wanted=wanted)
        self.touched.add(job.id)
        if other is None or other.forgotten or other.expired or other.leader or other.status in ("failed", "cancelled"):
            assert created.way is Way.CREATED
        elif other.status == "succeeded":
            assert created.way is Way.DONE
            model.have(other)
        else:
            assert created.way is Way.JOINED
            model.follow(other)

    @rule(target=jobs, request=requests)
    def know(self, request: tuple[Job, RequestKey]) -> Job:
        """Its client is told of it, and does with it whatever can be done with a job."""
        return request[0]

    @rule(request=requests)
    def create_again(self, request: tuple[Job, RequestKey]) -> None:
        """Its creation is sent twice, because the first answer did not come, or comes when it was withdrawn."""
        job, key = request
        if job.id in self.withdrawn:
            with pytest.raises(Refused):
                self.hands.ask(self.store.create(job, key))
        elif not self.models[job.id].forgotten:
            assert self.hands.ask(self.store.create(job, key)).job_id == job.id

    @rule(request=requests)
    def withdraw(self, request: tuple[Job, RequestKey]) -> None:
        """Its gateway has not heard whether it was created, and takes it back; which may come late."""
        job, key = request
        used = self.used.get(key.text)
        ours = used is not None and used.job_id == job.id
        stays = ours and used is not None and used.told
        assert self.hands.ask(self.store.withdraw(job, key)) != stays
        if not stays:
            self.withdrawn.add(job.id)
            self.models[job.id].cancel()
            self.models[job.id].forgotten, self.models[job.id].due = True, False
            self.touched.add(job.id)
            if ours:
                del self.used[key.text]

    @precondition(lambda self: len(self.models) < JOBS)
    @rule(target=requests, text=texts, image=images, told=st.booleans())
    def request_in_doubt(self, text: str, image: str, told: bool) -> Any:
        """A gateway hears no answer to a creation, and another one may have told of the job before it takes that back.

        In one rule, so that it is not rare.
        """
        made = self.request(text, image)
        if isinstance(made, tuple):
            if told:
                self.request(text, image)
            self.withdraw(made)
        return made

    @rule(text=texts, gateway=st.sampled_from(GATEWAYS))
    def reserve(self, text: str, gateway: str) -> None:
        """A gateway begins to receive a request, or goes on with it."""
        expected = "used" if text in self.used else "ours" if self.holders.get(text, gateway) == gateway else "taken"
        assert self.hands.ask(self.reservations.reserve(RequestKey(text), gateway)) == expected
        if expected == "ours":
            self.holders[text] = gateway

    @rule(text=texts, gateway=st.sampled_from(GATEWAYS))
    def release(self, text: str, gateway: str) -> None:
        """A gateway has refused the request that it was receiving."""
        self.hands.ask(self.reservations.release(RequestKey(text), gateway))
        if self.holders.get(text) == gateway:
            del self.holders[text]

    @rule(text=texts)
    def let_lease_end(self, text: str) -> None:
        """The gateway that was receiving a request is gone."""
        if self.holders.pop(text, None):
            self.hands.client.delete(idempotency_key(RequestKey(text)))

    @invariant()
    def keys_are_as_the_model_says(self) -> None:
        """A key stands for one job at most; and of a request that came to nothing, nothing is left."""
        for text in ("one", "two"):
            found = self.hands.client.hgetall(idempotency_key(RequestKey(text)))
            used = self.used.get(text)
            assert found.get(b"job", b"").decode() == (used.job_id if used else "")
            assert (b"told" in found) == (used is not None and used.told)
            assert found.get(b"holder", b"").decode() == self.holders.get(text, "")


def _job(job_id: str, image: str, wanted: tuple[str, ...]) -> Job:
    upload = Upload(key=f"uploads/{job_id}", size=3, sha256=image)
    return new_job(job_id, KMeansParams(), upload, callback=calling_back(wanted))


def test_any_interleaving_of_requests_keeps_the_promise(
    server: StoreServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever comes in whatever order, twice or too late: a key is one job, until that is withdrawn before anybody
    knew of it; and a job is what its moves make of it, whatever becomes of its key."""
    nothing_comes_by_itself(monkeypatch)
    with hands_on(server, tmp_path) as hands:
        run_state_machine_as_test(lambda: RequestMachine(hands), settings=FEW)
