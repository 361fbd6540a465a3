"""What a job must be after each of its moves, said a second time and without Redis; and what Redis holds of it."""

import base64
import json
from dataclasses import dataclass, field
from typing import Any, NamedTuple, cast

import orjson
import redis

from shared.jobs.deliveries import EVENTS, delivery_id
from shared.jobs.keys import DUE, delivery_key, events_key, host_outbox_key, job_key, jobs_key, queued_key
from shared.jobs.model import JobStatus, Loss
from shared.jobs.routing import QUEUES

ENDS = ("succeeded", "failed", "cancelled")
HOST = "receiver.example"
"""Where all jobs call back."""
WANTED: list[tuple[str, ...]] = [(), ENDS, EVENTS, ("cancelled", "running")]
"""What their clients may want to be told."""


@dataclass(eq=False)
class Model:
    """One job, as the promise has it. Each method is a move: whether it is done, and what the job is then."""

    max_attempts: int
    later: bool = False
    """Whether its parameters are of a later version than all workers."""
    refused: bool = False
    long_ago: bool = False
    """Whether it was refused so long ago that no worker will ever know it."""
    status: str = "queued"
    claims: int = 0
    """The latest token."""
    counted: int = 0
    """Attempts, less those that were given back by a stopped worker."""
    due: bool = False
    told: Loss | None = None
    """Why the running attempt is over, as its worker told."""
    result_key: str | None = None
    progress: dict[str, Any] | None = None
    code: str | None = None
    reasons: list[str | None] = field(default_factory=list)
    returns: int = 0
    settled: bool = False
    expired: bool = False
    forgotten: bool = False
    leader: "Model | None" = None
    """The job whose end it waits for."""
    followers: "list[Model]" = field(default_factory=list)
    """The jobs that wait for its end; the first came first."""
    cached: bool = False
    changed: bool = False
    """Whether another job's move has changed it."""
    wanted: tuple[str, ...] = ()
    """What its client wants to be told."""
    deliveries: dict[str, str] = field(default_factory=dict)
    """What is told, each once, and the state of its delivery."""

    @property
    def ended(self) -> bool:
        return self.status in ENDS

    def have(self, other: "Model") -> None:
        """Another job has done its work before: it has that one's result at once."""
        self.status, self.cached = "succeeded", True
        self.result_key, self.progress = other.result_key, other.progress
        self._tell()

    def follow(self, other: "Model") -> None:
        """Another job is about to do its work: it waits for that one's end."""
        self.leader = other
        other.followers.append(self)

    def refuse(self) -> bool:
        """Whether a worker that is given it says so; it is left queued."""
        if self.status != "queued" or self.forgotten or not self.later:
            return False
        self.refused, self.due = True, False
        return True

    def claim(self) -> bool:
        if self.status != "queued" or self.forgotten or self.later:
            return False
        self.leave()
        self.status, self.due = "running", False
        self._tell()
        self.claims += 1
        self.counted += 1
        self.reasons.append(None)
        return True

    def holds(self, token: int) -> bool:
        """Whether the worker with that token may write."""
        return self.status == "running" and token == self.claims and not self.forgotten

    def renew(self, token: int, progress: dict[str, Any] | None = None) -> bool:
        if not self.holds(token):
            return False
        self.due, self.progress = False, progress or self.progress
        return True

    def lose(self, token: int, loss: Loss) -> bool:
        if not self.holds(token):
            return False
        self.due, self.told = True, loss
        return True

    def succeed(self, token: int, result_key: str) -> bool:
        if not self.holds(token):
            return False
        self.result_key, self.progress = result_key, {"stage": "done", "fraction": 1.0}
        return self._end("succeeded", None)

    def fail(self, token: int, code: str) -> bool:
        if not self.holds(token):
            return False
        self.code = code
        return self._end("failed", code)

    def cancel(self) -> bool:
        if self.ended or self.forgotten:
            return False
        return self._end("cancelled", "cancelled")

    def give_back(self, token: int, loss: Loss) -> bool:
        if not self.holds(token) or not self.due:
            return False
        self.status, self.told, self.progress = "queued", None, {"stage": "queued", "fraction": 0.0}
        self.reasons[-1] = str(loss)
        self.counted -= loss is Loss.WORKER_STOPPED
        self.returns += 1
        return True

    def reject(self, token: int) -> bool:
        """Nobody knows what it wants: it is given up although it never ran."""
        if not self.due or (self.status, self.claims) != ("queued", token) or self.forgotten:
            return False
        self.code = "unknown_parameters"
        return self._end("failed", None)

    def settle(self) -> bool:
        if not self.ended or not self.due or self.forgotten:
            return False
        self.settled, self.due = True, False
        return True

    def swept(self) -> int:
        """What a sweep makes of it; how many messages it sends."""
        if not self.due:
            return 0
        if self.status == "queued" and self.long_ago:
            self.reject(self.claims)
            return 0
        self.due = False
        if self.status == "queued":
            return int(self.leader is None)  # one that waits for another's end needs no message
        if self.ended:
            self.expired, self.settled = self.settled, True
            return 0
        loss = self.told or Loss.WORKER_LOST
        self.due = True
        stopped = loss is Loss.WORKER_STOPPED
        if loss is Loss.TIMEOUT or (self.counted >= self.max_attempts and not stopped):
            self.fail(self.claims, str(loss))
            return 0
        self.give_back(self.claims, loss)
        self.due = False
        return 1

    def leave(self) -> None:
        """It waits for no other any more."""
        if self.leader is not None:
            self.leader.followers.remove(self)
            self.leader = None

    def _end(self, status: str, reason: str | None) -> bool:
        if self.status == "running":
            self.reasons[-1] = reason
        self.leave()
        self.status, self.due = status, False
        self._tell()
        followers, self.followers = self.followers, []
        if status == "cancelled":
            self._leave_to(followers)
            return True
        for each in followers:
            each.status, each.due, each.leader, each.changed = status, False, None, True
            each.cached, each.result_key, each.code = status == "succeeded", self.result_key, self.code
            each.progress = self.progress if each.cached else each.progress
            each._tell()
        return True

    def _leave_to(self, followers: "list[Model]") -> None:
        """Who has waited longest takes its place, and is sent; the others wait for that one."""
        if followers:
            heir, *others = followers
            heir.leader, heir.followers, heir.due = None, others, True
            for each in others:
                each.leader = heir
            for each in followers:
                each.changed = True

    def _tell(self) -> None:
        if self.status in self.wanted:
            self.deliveries.setdefault(self.status, "waiting")


class Seen(NamedTuple):
    """All that Redis holds of a job."""

    fields: dict[bytes, bytes]
    events: list[tuple[bytes, dict[bytes, bytes]]]
    due: float | None
    queued: tuple[float | None, ...]
    listed: float | None
    deliveries: dict[str, dict[bytes, bytes]]
    """By their events."""
    outbox: dict[str, float]
    """When they are due. Of a deleted job it is nothing: the outbox forgets it when it comes to it."""

    @property
    def end(self) -> dict[bytes, bytes]:
        """What of an ended job never changes: all but that it has settled, and later that its files were released."""
        return {name: value for name, value in self.fields.items() if name not in (b"settled", b"released")}

    @property
    def status(self) -> str | None:
        return self.fields[b"status"].decode() if self.fields else None

    def text(self, name: str) -> str:
        return self.fields.get(name.encode(), b"").decode()

    def document(self, name: str) -> Any:
        return orjson.loads(self.fields[name.encode()]) if self.fields.get(name.encode()) else None

    def event_names(self) -> list[str]:
        return [fields[b"name"].decode() for _, fields in self.events]


def look(client: redis.Redis, job_ids: list[str]) -> dict[str, Seen]:
    """What Redis holds of the jobs, at one moment."""
    with client.pipeline(transaction=True) as pipe:
        for job_id in job_ids:
            pipe.hgetall(job_key(job_id))
            pipe.xrange(events_key(job_id))
            for key in (DUE, *map(queued_key, QUEUES)):
                pipe.zscore(key, job_id)
            pipe.zscore(jobs_key(), job_id)
            for event in EVENTS:
                pipe.hgetall(delivery_key(delivery_id(job_id, event)))
                pipe.zscore(host_outbox_key(HOST), delivery_id(job_id, event))
        answers = cast(list[Any], pipe.execute())
    size = 4 + len(QUEUES) + 2 * len(EVENTS)
    parts = [answers[at : at + size] for at in range(0, len(answers), size)]
    return {job_id: _seen(part) for job_id, part in zip(job_ids, parts, strict=True)}


def _seen(part: list[Any]) -> Seen:
    queued, (listed, *told) = part[3 : 3 + len(QUEUES)], part[3 + len(QUEUES) :]
    deliveries = {str(event): fields for event, fields in zip(EVENTS, told[::2], strict=True) if fields}
    outbox = {str(event): due for event, due in zip(EVENTS, told[1::2], strict=True) if due and event in deliveries}
    return Seen(*part[:3], tuple(queued), listed, deliveries, outbox)


def check_promise(seen: Seen, max_attempts: int, *, expired: bool = False) -> None:
    """What holds of every job's record, whatever has happened to it."""
    status, names, attempts = seen.status, seen.event_names(), seen.document("attempts") or []
    claims, reasons = int(seen.text("claim")), [attempt["reason"] for attempt in attempts]
    counted = int(seen.text("attempt"))
    assert status in set(JobStatus)
    assert counted <= max_attempts
    assert counted == len([reason for reason in reasons if reason != Loss.WORKER_STOPPED])
    assert claims == len(attempts), "every claim is an attempt that is told of"
    open_ends = [attempt["ended_at"] is None for attempt in attempts]
    assert open_ends == [False] * (len(attempts) - 1) + [status == "running"] if attempts else status != "running"
    assert [reason for reason in reasons[:-1] if reason is None] == [], "who did not succeed says why"
    ends = [name for name in names if name in ENDS]
    if expired:
        assert names == []
        assert status in ENDS
        assert seen.due is None
    else:
        assert ends == ([status] if status in ENDS else []), "one end, told once"
        assert names[-1:] == ends or not ends, "the end is the last event"
        assert names.count("running") == claims
        assert seen.due is not None, "somebody must look at it again"
    assert (seen.listed is None) == expired, "a job is listed from its creation to its expiry"
    alone = status == "queued" and not seen.text("follows")
    assert [score is not None for score in seen.queued].count(True) == alone, "who waits for another has no place"
    assert status == "queued" or not seen.text("follows")
    assert bool(seen.text("result_key")) == (status == "succeeded")
    assert bool(seen.text("error")) == (status == "failed")
    assert bool(seen.text("finished_at")) == (status in ENDS)
    wanted = (seen.document("record").get("callback") or {"events": []})["events"]
    told = [event for event in seen.deliveries if event != "running"]
    assert told == ([status] if status in ENDS and status in wanted else []), "an end is told once, where it is wanted"
    assert ("running" in seen.deliveries) == ("running" in wanted and claims > 0)
    waiting = {event for event, fields in seen.deliveries.items() if fields[b"state"] in (b"waiting", b"sending")}
    assert set(seen.outbox) == waiting, "what is to be told is in the outbox, and nothing else"


def check_model(seen: Seen, model: Model) -> None:
    """The record is what the moves so far make of it."""
    if model.forgotten:
        gone = Seen({}, [], None, (None,) * len(QUEUES), None, {}, {})
        assert seen == gone, "nothing of a deleted job comes back"
        return
    check_promise(seen, model.max_attempts, expired=model.expired)
    error = seen.document("error")
    assert (
        seen.status,
        int(seen.text("claim")),
        int(seen.text("attempt")),
        [attempt["reason"] for attempt in seen.document("attempts") or []],
        seen.text("result_key") or None,
        seen.document("progress"),
        error and error["code"],
        seen.text("settled") == "1",
        bool(seen.text("refused_at")),
        bool(seen.text("follows")),
        seen.text("cached") == "1",
        {event: fields[b"state"].decode() for event, fields in seen.deliveries.items()},
    ) == (
        model.status,
        model.claims,
        model.counted,
        model.reasons,
        model.result_key,
        model.progress,
        model.code,
        model.settled,
        model.refused,
        model.leader is not None,
        model.cached,
        model.deliveries,
    )
    if not model.expired:
        assert seen.event_names().count("queued") == 1 + model.returns


def job_of_message(message: bytes) -> str:
    """The id that a queue's message carries."""
    args, _, _ = json.loads(base64.b64decode(json.loads(message)["body"]))
    (job_id,) = args
    return cast(str, job_id)
