"""A job's events as they happen."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Annotated

import orjson
from fastapi import APIRouter, Depends, Header, Response

from api.access.keyring import Staying
from api.http.dependencies import CallerDep, JobDep, KeyringDep, StreamsDep
from api.http.event_data import EVENT_ID, after_of, data_of
from api.http.expiry import events_expired
from api.http.files import FileRequest, file_request_of
from api.http.openapi import problems
from api.http.responses import Told, without_body
from api.jobs.find import missing
from api.jobs.follow import Silence, follow
from shared.contract.errors import Expired
from shared.jobs.events import FIRST, Event
from shared.jobs.model import Job
from shared.jobs.streams import Streams

RETRY_MILLISECONDS = 2000
"""After which a browser whose stream broke off comes back."""

router = APIRouter(prefix="/v1/jobs/{job_id}", tags=["jobs"])


async def _resume_after(
    last_event_id: Annotated[str | None, Header(json_schema_extra={"pattern": EVENT_ID})] = None,
) -> str:
    return after_of(last_event_id, "Last-Event-ID")


async def _not_expired(job: JobDep) -> Job:
    if job.expired:
        raise Expired(events_expired(job))
    return job


@router.head("/events", include_in_schema=False)
@router.get(
    "/events",
    response_class=Response,
    summary="A job's events",
    responses={
        200: {
            "description": "Server-sent events",
            "content": {"text/event-stream": {"schema": {}}},  # OpenAPI 3.1 has no words for streams
        },
        204: {"description": "The job has ended, and `Last-Event-ID` is its last event: browsers come back no more"},
        **problems(400, 404, 410, 503),
    },
)
async def get_events(
    job: Annotated[Job, Depends(_not_expired)],
    streams: StreamsDep,
    caller: CallerDep,
    keyring: KeyringDep,
    after: Annotated[str, Depends(_resume_after)],
    asked: Annotated[FileRequest, Depends(file_request_of)],
) -> Response:
    """Server-sent events: `queued`, `running`, `progress` (stage and fraction), then `succeeded`, `failed` or
    `cancelled`, which is the last one. A client that comes back with `Last-Event-ID` misses nothing.
    """
    # Proxies must not wait for more of it (nginx).
    headers = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
    if job.ended and not await streams.page(job.id, after):
        if after == FIRST:  # there is no end without its event: the job was deleted meanwhile
            raise missing(job.id)
        return Response(status_code=204, headers=headers)
    if not asked.body:
        return without_body("text/event-stream", headers)
    staying = keyring.staying(caller, job.id)
    return Told(_told(job.id, after, streams, staying), headers=headers, media_type="text/event-stream")


async def _told(job_id: str, after: str, streams: Streams, staying: Staying) -> AsyncIterator[bytes]:
    """The events in the form of the HTML standard, section 9.2.

    FastAPI has a form of its own, which runs two more tasks for each stream: thousands may listen.
    """
    yield b"retry: %d\n\n" % RETRY_MILLISECONDS
    # What has begun cannot become a 503; and a browser that comes back to a 503 does not try again.
    with staying as may_stay:
        async with aclosing(follow(job_id, after, streams, may_stay)) as events:
            async for event in events:
                yield f": {event}\n\n".encode() if isinstance(event, Silence) else _text(event)


def _text(event: Event) -> bytes:
    return b"id: %b\nevent: %b\ndata: %b\n\n" % (event.id.encode(), event.name.encode(), orjson.dumps(data_of(event)))
