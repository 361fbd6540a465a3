"""What is told of a job to who wants to be called back: one delivery for each event, and each attempt at it.

A delivery is written by the very move that it tells of, and then belongs to the outbox. Whoever sends it holds it by a
claim with a lease, as a worker holds a job.
"""

from enum import StrEnum
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from shared.jobs.model import ENDED, JobStatus

EVENTS = (JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.CANCELLED, JobStatus.RUNNING)
"""What can be told."""
ENDS = tuple(event for event in EVENTS if event in ENDED)
"""What is told unless something else is asked for."""
# The seconds before each attempt, from the failure of the one before it. In all: three days and four hours.
SCHEDULE = (0.0, 5.0, 300.0, 1800.0, 7200.0, 18000.0, 36000.0, 50400.0, 72000.0, 86400.0)
JITTER = 0.1
"""A pause is up to so much longer than it should be, so that those who failed together do not come back together."""
MOST_PAUSE_SECONDS = 86400.0
"""For how long a receiver can have us wait by Retry-After."""
KEPT_SECONDS = 7 * 86400.0
"""A delivery that was made or given up is kept, to be shown and to be made again."""
LIFE_SECONDS = (1 + JITTER) * sum(SCHEDULE) + KEPT_SECONDS
"""Of a delivery that fails each time. What it tells of must be there for so long."""


class DeliveryState(StrEnum):
    """Where a delivery stands."""

    WAITING = "waiting"
    SENDING = "sending"
    DELIVERED = "delivered"
    GIVEN_UP = "given_up"


class DeliveryAttempt(BaseModel):
    """One request. With neither status nor error it is under way, or its sender was lost."""

    model_config = ConfigDict(frozen=True)

    at: AwareDatetime
    status: int | None = None
    """Of the answer; None where there was none."""
    error: str | None = None
    """Why it does not count, in a stable word; None where it does."""
    seconds: float | None = None


class Delivery(BaseModel):
    """What is to be told of a job, and how far that is."""

    model_config = ConfigDict(frozen=True)

    id: str
    """The message's, the same in each attempt."""
    job_id: str
    event: str
    host: str
    created_at: AwareDatetime
    """When the job entered the state that is told, by Redis' clock."""
    state: Annotated[DeliveryState | str, Field(union_mode="left_to_right")]
    claim: int
    """The fencing token: it grows with every attempt."""
    tries: int
    """Attempts since it was written, or told to be made again."""
    due_at: AwareDatetime | None = None
    """When it is sent next; while it is being sent, when its lease ends."""
    attempts: tuple[DeliveryAttempt, ...] = ()


def delivery_id(job_id: str, event: str) -> str:
    return f"msg_{job_id}_{event}"


def pause_before(tries: int, schedule: tuple[float, ...], jitter: float, asked: float = 0.0) -> float | None:
    """Seconds until the attempt after so many; None where there is none.

    `jitter` is from 0 to 1. `asked`: what the receiver has asked for, which can only make it longer.
    """
    if tries >= len(schedule):
        return None
    return max(schedule[tries], min(asked, MOST_PAUSE_SECONDS)) * (1 + JITTER * jitter)
