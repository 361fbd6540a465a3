"""The job record and its state machine. Pure: what is stored, and where, is the store's business."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from uuid import uuid4

from pydantic import BaseModel, ConfigDict

from shared.params import Params


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
    RETURN = "return"  # its worker is lost: back to the queue
    RESEND = "resend"  # its message may be lost: it is sent again


# move -> (the states it may start from, the state it leads to)
TRANSITIONS: dict[Move, tuple[frozenset[JobStatus], JobStatus]] = {
    Move.CLAIM: (frozenset({JobStatus.QUEUED}), JobStatus.RUNNING),
    Move.REPORT: (frozenset({JobStatus.RUNNING}), JobStatus.RUNNING),
    Move.SUCCEED: (frozenset({JobStatus.RUNNING}), JobStatus.SUCCEEDED),
    Move.FAIL: (frozenset({JobStatus.RUNNING}), JobStatus.FAILED),
    Move.RETURN: (frozenset({JobStatus.RUNNING}), JobStatus.QUEUED),
    Move.RESEND: (frozenset({JobStatus.QUEUED}), JobStatus.QUEUED),
}


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


class Job(BaseModel):
    """A job record. Frozen: a change is a new record, made by the store."""

    model_config = ConfigDict(frozen=True)

    id: str
    status: JobStatus = JobStatus.QUEUED
    attempt: int = 0
    """How many workers have begun it."""
    claim: int = 0
    """The fencing token: it grows with every claim, and only the holder of the latest may write."""
    params: Params
    upload: Upload
    mask: Upload | None = None
    """A second image: where it is black, the first one's pixel is left out."""
    created_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    expires_at: datetime | None = None
    progress: Progress | None = None
    error: JobError | None = None
    result_key: str | None = None
    """Where the result's files are in the blob store."""

    @property
    def uploads(self) -> list[Upload]:
        """Its files, which are needed no more once it has ended."""
        return [self.upload] if self.mask is None else [self.upload, self.mask]

    @property
    def ended(self) -> bool:
        return self.status in ENDED

    @property
    def expired(self) -> bool:
        return self.expires_at is not None and self.expires_at <= now()


def new_job_id() -> str:
    """An id that cannot be guessed: 122 random bits."""
    return uuid4().hex


def is_job_id(text: str) -> bool:
    """Whether it looks like an id; anything else could name another of the store's keys."""
    return len(text) == 32 and set(text) <= set("0123456789abcdef")


def now() -> datetime:
    return datetime.now(UTC)


def new_job(job_id: str, params: Any, upload: Upload, mask: Upload | None = None) -> Job:
    return Job(id=job_id, params=params, upload=upload, mask=mask, created_at=now())
