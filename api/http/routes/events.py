"""A job's events as they happen."""

import re
from collections.abc import AsyncIterator
from typing import Annotated

import orjson
from fastapi import APIRouter, Depends, Header, Response
from fastapi.responses import StreamingResponse

from api.http.dependencies import JobDep, StoreDep
from api.http.expiry import events_expired
from api.http.files import FileRequest, file_request_of
from api.http.openapi import problems
from api.http.responses import without_body
from api.jobs.follow import Silence, follow
from shared.contract.errors import Expired, InvalidRequest
from shared.jobs.clients import JobStore
from shared.jobs.model import Job

RETRY_MILLISECONDS = 2000
"""After which a browser whose stream broke off comes back."""

_EVENT_ID = "^([0-9]{1,19}-[0-9]{1,19})?$"
"""Redis' form: milliseconds and a number, of 64 bits each. Empty where a client has seen no event."""

router = APIRouter(prefix="/v1/jobs/{job_id}", tags=["jobs"])


async def _resume_after(
    last_event_id: Annotated[str | None, Header(json_schema_extra={"pattern": _EVENT_ID})] = None,
) -> str:
    if not last_event_id:
        return "0-0"
    if not re.fullmatch(_EVENT_ID, last_event_id):
        raise InvalidRequest(f"Last-Event-ID is the id of an event of this stream; got {last_event_id[:64]!r}.")
    return last_event_id


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
    store: StoreDep,
    after: Annotated[str, Depends(_resume_after)],
    asked: Annotated[FileRequest, Depends(file_request_of)],
) -> Response:
    """Server-sent events: `queued`, `running`, `progress` (stage and fraction), then `succeeded`, `failed` or
    `cancelled`, which is the last one. A client that comes back with `Last-Event-ID` misses nothing.
    """
    # Proxies must not wait for more of it (nginx).
    headers = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
    if job.ended and await anext(store.follow(job.id, after), None) is None:
        return Response(status_code=204, headers=headers)
    if not asked.body:
        return without_body("text/event-stream", headers)
    return StreamingResponse(_told(job.id, after, store), headers=headers, media_type="text/event-stream")


async def _told(job_id: str, after: str, store: JobStore) -> AsyncIterator[bytes]:
    """The events in the form of the HTML standard, section 9.2.

    FastAPI has a form of its own, which runs two more tasks for each stream: thousands may listen.
    """
    yield b"retry: %d\n\n" % RETRY_MILLISECONDS
    # What has begun cannot become a 503; and a browser that comes back to a 503 does not try again.
    async for event in follow(job_id, after, store):
        if isinstance(event, Silence):
            yield f": {event}\n\n".encode()
            continue
        status = "running" if event.name == "progress" else event.name
        data = orjson.dumps({"status": status, **event.data})
        yield b"id: %b\nevent: %b\ndata: %b\n\n" % (event.id.encode(), event.name.encode(), data)
