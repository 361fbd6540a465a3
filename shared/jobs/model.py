"""The job record and its state machine. Pure: what is stored, and where, is the store's business.

A record may have been written by a later version, while both are at work in a rolling deploy or after one was taken
back. What that version knows and this one does not (a state, a loss, parameters) is kept as it was written, so that the
job can still be listed, cancelled, rescued and removed. Only running it needs everything to be understood.
"""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any
from uuid import uuid4

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from shared.contract.description import NOTHING, Description, Priority
from shared.contract.errors import UnknownParameters
from shared.contract.params import AnyParams, Params
from shared.jobs.routing import SLOW, queue_of


class JobStatus(StrEnum):
    """Where a job stands."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


ENDED = frozenset({JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.CANCELLED})


class Move(StrEnum):
    """What can happen to a job."""

    CLAIM = "claim"  # a worker takes it
    REPORT = "report"  # its worker says how far it is, or only that it lives
    SUCCEED = "succeed"
    FAIL = "fail"
    CANCEL = "cancel"  # nobody wants it any more
    LOSE = "lose"  # its worker says that the attempt is over, and why; the sweep decides what follows
    REFUSE = "refuse"  # its parameters are of a later version than this worker: it is left for another one
    REJECT = "reject"  # no worker knew its parameters for long
    RETURN = "return"  # the attempt is over: back to the queue
    RESEND = "resend"  # its message may be lost: it is sent again
    SETTLE = "settle"  # it ended some seconds ago: it will not run again, and its uploads are needed no more


# move -> (the states it may start from, the state it leads to; None: it stays as it is)
TRANSITIONS: dict[Move, tuple[frozenset[JobStatus], JobStatus | None]] = {
    Move.CLAIM: (frozenset({JobStatus.QUEUED}), JobStatus.RUNNING),
    Move.REPORT: (frozenset({JobStatus.RUNNING}), JobStatus.RUNNING),
    Move.SUCCEED: (frozenset({JobStatus.RUNNING}), JobStatus.SUCCEEDED),
    Move.FAIL: (frozenset({JobStatus.RUNNING}), JobStatus.FAILED),
    Move.CANCEL: (frozenset({JobStatus.QUEUED, JobStatus.RUNNING}), JobStatus.CANCELLED),
    Move.LOSE: (frozenset({JobStatus.RUNNING}), JobStatus.RUNNING),
    Move.REFUSE: (frozenset({JobStatus.QUEUED}), JobStatus.QUEUED),
    Move.REJECT: (frozenset({JobStatus.QUEUED}), JobStatus.FAILED),
    Move.RETURN: (frozenset({JobStatus.RUNNING}), JobStatus.QUEUED),
    Move.RESEND: (frozenset({JobStatus.QUEUED}), JobStatus.QUEUED),
    Move.SETTLE: (ENDED, None),
}


class Loss(StrEnum):
    """Why an attempt ended before its job did. Stable: the code of a job that is given up for it."""

    WORKER_LOST = "worker_lost"  # the worker died or was silent for longer than its lease
    OUT_OF_MEMORY = "out_of_memory"
    TIMEOUT = "timeout"  # given up at once: it would take as long the next time
    WORKER_STOPPED = "worker_stopped"  # the worker was told to stop: the attempt does not count


class UnknownParams(BaseModel):
    """Parameters that a later version has taken, as they were written."""

    model_config = ConfigDict(frozen=True, extra="allow")

    algorithm: str

    def refusal(self) -> UnknownParameters:
        """Why they cannot be worked with."""
        return UnknownParameters(f"The parameters of {self.algorithm[:64]} are of a later version of huemill.")


class Upload(BaseModel):
    """An image as it was received."""

    model_config = ConfigDict(frozen=True)

    key: str
    """Where its bytes are in the blob store."""
    size: int
    sha256: str
    filename: str | None = None


class Progress(BaseModel):
    """How far a job is: `fraction` 0..1 is of the whole job, not of the stage."""

    model_config = ConfigDict(frozen=True)

    stage: str
    fraction: float


class JobError(BaseModel):
    """Why a job failed. `code` is stable; `message` is for people."""

    model_config = ConfigDict(frozen=True)

    code: str
    message: str
    retryable: bool = False


class Attempt(BaseModel):
    """One worker's try at a job. What a later version has written beside this is kept."""

    model_config = ConfigDict(frozen=True, extra="allow")

    attempt: int
    """Counts from 1; an attempt that did not count has the same number as the one after it."""
    worker: str
    started_at: AwareDatetime
    ended_at: AwareDatetime | None = None
    reason: str | None = None
    """Why it ended without a result: a code of an error, or `cancelled`; None while it runs and when it succeeded."""


class Callback(BaseModel):
    """Where somebody wants to be told of a job, and of what."""

    model_config = ConfigDict(frozen=True)

    url: str
    host: str
    """The URL's, as it goes on the wire: deliveries take turns by it."""
    events: tuple[str, ...]
    """The states that are told when the job enters them; of a later version others than these."""


class Job(BaseModel):
    """A job record. Frozen: a change is a new record, made by the store."""

    model_config = ConfigDict(frozen=True)

    id: str
    status: Annotated[JobStatus | str, Field(union_mode="left_to_right")] = JobStatus.QUEUED
    attempt: int = 0
    """How many workers have begun it, less those that were told to stop."""
    claim: int = 0
    """The fencing token: it grows with every claim, and only the holder of the latest may write."""
    params: Annotated[Params | UnknownParams, Field(union_mode="left_to_right")]
    queue: str = Field(default_factory=lambda values: _queue_of(values["params"]))
    """Where it waits when it is queued; of a later version it may be one that is not known here."""
    upload: Upload
    mask: Upload | None = None
    """A second image: where it is black, the first one's pixel is left out."""
    owner: str = ""
    """The id of the key that it was posted with; empty where the service asks for none."""
    created_at: AwareDatetime
    client_reference: str | None = None
    """What its client calls it."""
    tags: tuple[str, ...] = ()
    """Words by which its client finds it in a list."""
    priority: Priority = "interactive"
    """Which of its owner's jobs go first."""
    callback: Callback | None = None
    traceparent: str | None = None
    """The trace that it was posted in (W3C Trace Context), where there is one."""
    started_at: AwareDatetime | None = None
    finished_at: AwareDatetime | None = None
    expires_at: AwareDatetime | None = None
    progress: Progress | None = None
    error: JobError | None = None
    attempts: tuple[Attempt, ...] = ()
    """Every worker's try, also those that do not count."""
    loss: Annotated[Loss | str | None, Field(union_mode="left_to_right")] = None
    """Why the running attempt is over, where its worker could still say so."""
    resends: int = 0
    """How many more messages were sent while it was queued."""
    refused_at: AwareDatetime | None = None
    """Since when it is queued although a worker that does not know its parameters has looked at it."""
    settled: bool = False
    """Whether it ended so long ago that no store forgets it any more: its uploads are gone."""
    result_key: str | None = None
    """Where the result's files are in the blob store: its own, or those of a job that has done the same work."""
    follows: str | None = None
    """The job whose end it waits for, because that one does the same work."""
    cached: bool = False
    """Whether its result is another job's."""

    @property
    def uploads(self) -> list[Upload]:
        """Its files, which are needed until it has ended and settled."""
        return [self.upload] if self.mask is None else [self.upload, self.mask]

    @property
    def ended(self) -> bool:
        # A later version may know other ends than these.
        return self.status in ENDED or self.finished_at is not None

    @property
    def expired(self) -> bool:
        return self.expires_at is not None and self.expires_at <= now()

    @property
    def known_params(self) -> AnyParams:
        """Its parameters. Raises UnknownParameters if a later version has taken them."""
        if isinstance(self.params, UnknownParams):
            raise self.params.refusal()
        return self.params

    def begun(self, worker: str) -> "Job":
        """The job as it is once `worker` has claimed it."""
        attempt, start = self.attempt + 1, now()
        attempts = (*self.attempts, Attempt(attempt=attempt, worker=worker, started_at=start))
        changes = {"attempt": attempt, "claim": self.claim + 1, "started_at": start, "attempts": attempts}
        return self.model_copy(update={"status": JobStatus.RUNNING, **changes})

    def attempts_ended(self, reason: str | None) -> tuple[Attempt, ...]:
        """Its attempts when the one that runs, if any does, ends now."""
        return tuple(
            attempt
            if attempt.ended_at is not None
            else attempt.model_copy(update={"ended_at": now(), "reason": reason})
            for attempt in self.attempts
        )


def new_job_id() -> str:
    """An id that cannot be guessed: 122 random bits."""
    return uuid4().hex


def is_job_id(text: str) -> bool:
    """Whether it looks like an id; anything else could name another of the store's keys."""
    return len(text) == 32 and set(text) <= set("0123456789abcdef")


def now() -> datetime:
    return datetime.now(UTC)


def new_job(
    job_id: str,
    params: Any,
    upload: Upload,
    mask: Upload | None = None,
    traceparent: str | None = None,
    description: Description = NOTHING,
    callback: Callback | None = None,
    owner: str = "",
) -> Job:
    return Job(
        id=job_id,
        params=params,
        upload=upload,
        mask=mask,
        owner=owner,
        created_at=now(),
        client_reference=description.client_reference,
        tags=description.tags,
        priority=description.priority,
        traceparent=traceparent,
        callback=callback,
    )


def _queue_of(params: AnyParams | UnknownParams) -> str:
    return SLOW if isinstance(params, UnknownParams) else queue_of(params)


def given_up(loss: Loss | str, attempts: int, most: float | None, asked: float | None = None) -> JobError:
    """The error of a job that is not tried again: after `attempts` attempts, or after its time. `most`: the service's
    limit in seconds, which is not known of parameters that are not. `asked`: the client's own `timeout`, if any.
    """
    limit, more = "its limit" if most is None else f"{most:g} s, which is its limit", "Send"
    if most is not None and asked is not None and asked < most:
        limit, more = f"{asked:g} s, the `timeout` that it was posted with", "Give it more, send"
    times = "once" if attempts == 1 else f"{attempts} times"
    messages: dict[str, str] = {
        Loss.WORKER_LOST: f"Its worker was lost {times}, most likely by the job itself. It is not tried again.",
        Loss.OUT_OF_MEMORY: f"It needed more memory than a job may have, {times}. Send a smaller image, "
        "ask for fewer outputs, or take another algorithm.",
        Loss.TIMEOUT: f"It ran for longer than {limit}. {more} a smaller image, or take another algorithm.",
        Loss.WORKER_STOPPED: "Its worker was stopped.",
    }
    message = messages.get(loss, f"Its attempt was over {times}: {loss}. It is not tried again.")
    return JobError(code=loss, message=message)
