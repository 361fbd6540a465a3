"""A job's events as they happen."""

import asyncio
import logging
import re
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Depends, Header
from fastapi.sse import EventSourceResponse, ServerSentEvent

from api.http.dependencies import JobDep, PartsDep
from api.http.openapi import problems
from shared.contract.errors import Expired, InvalidRequest, Unavailable
from shared.jobs.model import Job

AGAIN_SECONDS = 1.0

log = logging.getLogger("huemill.api")
router = APIRouter(prefix="/v1/jobs/{job_id}", tags=["jobs"])


def _resume_after(last_event_id: Annotated[str | None, Header()] = None) -> str:
    if last_event_id is None:
        return "0-0"
    parts = re.fullmatch(r"([0-9]{1,20})-([0-9]{1,20})", last_event_id)
    if parts is None or max(map(int, parts.groups())) >= 2**64:
        raise InvalidRequest(f"Last-Event-ID is the id of an event of this stream; got {last_event_id[:64]!r}.")
    return last_event_id


def _not_expired(job: JobDep) -> Job:
    if job.expired:
        raise Expired("The events of this job are not kept any more; the job itself tells how it ended.")
    return job


@router.get("/events", response_class=EventSourceResponse, responses=problems(400, 404, 410, 503))
async def events(
    job: Annotated[Job, Depends(_not_expired)], parts: PartsDep, after: Annotated[str, Depends(_resume_after)]
) -> AsyncIterator[ServerSentEvent]:
    """Server-sent events: `queued`, `running`, `progress` (stage and fraction), then `succeeded`, `failed` or
    `cancelled`, which is the last one. A client that comes back with `Last-Event-ID` misses nothing.
    """
    while True:
        try:
            async for event in parts.store.follow(job.id, after):
                if event is None:
                    yield ServerSentEvent(comment="still here")
                    continue
                after = event.id
                status = "running" if event.name == "progress" else event.name
                yield ServerSentEvent(id=event.id, event=event.name, data={"status": status, **event.data})
            return
        except Unavailable as error:
            # What has begun cannot become a 503; and a browser that comes back to a 503 does not try again.
            log.warning("its events cannot be read: %s", error, extra={"job_id": job.id})
        yield ServerSentEvent(comment="the job store cannot be reached at the moment")
        await asyncio.sleep(AGAIN_SECONDS)
