"""What a machine of jobs knows, and how it is judged: models beside the records, and senders of callbacks.

Hypothesis chooses the moves. The rules of clients, workers and sweeps are where each machine is tested.
"""

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from shared.contract.errors import UnknownParameters
from shared.jobs.deliveries import Delivery, DeliveryState, delivery_id
from shared.jobs.keys import DUE, host_outbox_key, job_key
from shared.jobs.model import Callback, Job, Loss
from shared.jobs.routing import QUEUES
from shared.jobs.worker import WorkerStore
from tests.support.hands import LONG, MAX_ATTEMPTS, Hands
from tests.support.job_model import HOST, Model, Seen, check_model, check_promise, job_of_message, look

LONG_AGO = "2000-01-01T00:00:00+00:00"


class JudgedJobs(RuleBasedStateMachine):
    """Every rule says which jobs it may touch: of all others, and of all after a refusal, not a byte may change."""

    def __init__(self, hands: Hands) -> None:
        super().__init__()
        self.hands, self.store = hands, hands.parts.store
        self.models: dict[str, Model] = {}
        self.seen: dict[str, Seen] = {}
        self.touched: set[str] = set()
        self.hands.clear()

    def expect(self, job: Job, allowed: bool, done: object) -> None:
        assert bool(done) == allowed, f"{'refused' if allowed else 'done'}, against the model"
        if done:
            self.touched.add(job.id)

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

    def catch_up(self, job_id: str, before: Seen) -> None:
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

    def catch_up_followers(self) -> None:
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

    def waiting_messages(self) -> int:
        """Messages in the queues."""
        return sum(int(self.hands.client.llen(queue)) for queue in QUEUES)


class JobsWithCallbacks(JudgedJobs):
    """Who is told of jobs, and by whom: senders that share an outbox."""

    jobs = Bundle("jobs")

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


def calling_back(wanted: tuple[str, ...]) -> Callback | None:
    """That a client wants to be told of these."""
    return Callback(url=f"https://{HOST}/", host=HOST, events=wanted) if wanted else None


def claimed_or_refused(worker: WorkerStore, job_id: str) -> Job | None:
    """What the worker is given; None too where it does not know what the job wants."""
    try:
        return worker.claim(job_id)
    except UnknownParameters:
        return None
