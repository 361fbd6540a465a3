"""What was told of a job to who wants to be called back, and telling it again."""

from datetime import datetime
from typing import Any, cast
from urllib.parse import urlsplit

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from api.http.dependencies import JobDep, OutboxDep
from api.http.openapi import problems
from api.http.responses import Json
from shared.contract.errors import NothingToReplay
from shared.jobs.deliveries import Delivery, DeliveryAttempt, DeliveryState
from shared.jobs.model import Job

router = APIRouter(prefix="/v1/jobs/{job_id}/callbacks", tags=["jobs"])


class DeliveryView(BaseModel):
    """What is told of one event."""

    id: str = Field(description="`webhook-id` of each attempt.")
    event: str
    state: DeliveryState = Field(
        description="`given_up`: no more attempts are made by themselves; it is kept for a week, to be replayed."
    )
    created_at: datetime = Field(description="When the job entered the state that is told.")
    next_attempt_at: datetime | None
    attempts: list[DeliveryAttempt] = Field(
        description="The last fifty. `error`: `timeout`, `unreachable`, `tls`, `protocol`, `blocked` (no address that "
        "may be called), `redirect` (not followed), `gone` (410, which ends it), `status` (no 2xx), `lost` (its sender "
        "was, each time), `unreadable` (the job's record is of a later version), `unsigned` (there is no "
        "secret to sign with any more)."
    )


class CallbacksView(BaseModel):
    """Who is called back of a job, and how that went."""

    url: str | None = Field(description="Less its query, which may have a secret in it.")
    events: list[str]
    deliveries: list[DeliveryView]


@router.head("", include_in_schema=False)
@router.get(
    "",
    response_model=CallbacksView,
    summary="A job's callbacks",
    response_description="Each delivery, with its attempts",
    responses=problems(404, 500, 503),
)
async def get_callbacks(job: JobDep, outbox: OutboxDep) -> Response:
    """What was, is or will be told to the job's `callback_url`: each attempt with its time, status and error."""
    return Json(_view(job, await outbox.deliveries(job)))


@router.post(
    "/replay",
    status_code=202,
    response_model=CallbacksView,
    summary="Make a job's callbacks again",
    response_description="They are due now",
    responses=problems(404, 409, 503),
)
async def replay_callbacks(job: JobDep, outbox: OutboxDep) -> Response:
    """Let all that was told of the job be told again, with the same ids, be it that it arrived or was given up.

    What waits for its next attempt is due at once, with all of its attempts before it.
    """
    found = await outbox.deliveries(job)
    if not found:
        raise NothingToReplay(
            "The job has no callback that was made within the last week. They are made when it enters a state that "
            "callback_events names."
        )
    for delivery in found:
        await outbox.replay(delivery)
    return Json(_view(job, await outbox.deliveries(job)), 202)


def _view(job: Job, deliveries: list[Delivery]) -> dict[str, Any]:
    callback = job.callback
    return CallbacksView(
        url=None if callback is None else urlsplit(callback.url)._replace(query="", fragment="").geturl(),
        events=[] if callback is None else list(callback.events),
        deliveries=[_delivery_view(delivery) for delivery in deliveries],
    ).model_dump(mode="json")


def _delivery_view(delivery: Delivery) -> DeliveryView:
    return DeliveryView.model_construct(
        id=delivery.id,
        event=delivery.event,
        state=cast(DeliveryState, delivery.state),  # of a later version it may be another
        created_at=delivery.created_at,
        next_attempt_at=delivery.due_at if delivery.state == DeliveryState.WAITING else None,
        attempts=list(delivery.attempts),
    )
