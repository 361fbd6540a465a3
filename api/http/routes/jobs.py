"""Posting a job, and asking how it is."""

import asyncio
import logging
from typing import Annotated, Any

from fastapi import APIRouter, Header, Request, Response

from api import metrics
from api.http import results
from api.http.dependencies import JobDep, JobIdDep, Parts, PartsDep, existing_job
from api.http.openapi import SUBMIT, problems
from api.http.responses import Json
from api.http.schemas import JobView, job_view, links
from api.intake import uploads
from shared.contract.errors import (
    AlreadyEnded,
    InvalidRequest,
    NotFound,
    QueueFull,
    Refused,
    Unavailable,
    UnreadableRecord,
)
from shared.jobs.model import ENDED, Job, JobStatus, new_job, new_job_id
from shared.runtime import tracing
from shared.storage.keys import result_prefix, upload_key

router = APIRouter(prefix="/v1/jobs", tags=["jobs"])

POLL_SECONDS = "1"

log = logging.getLogger("huemill.api")


@router.post(
    "",
    status_code=202,
    response_model=JobView,
    responses={
        200: {"model": JobView, "description": "Finished within `Prefer: wait`"},
        **problems(400, 403, 408, 413, 415, 422, 503, 507),
    },
    openapi_extra=SUBMIT,
)
async def submit(request: Request, parts: PartsDep, prefer: Annotated[str | None, Header()] = None) -> Response:
    """Post an image; every pixel of it is clustered.

    Send the image as the part `image` of `multipart/form-data`, with the parameters as JSON in the part `params`; or
    the image itself as the body, with the parameters in the query string; or a JSON object with one of `image_base64`,
    `image_url` and `image_sha256`, and the parameters beside it. The first and the last take a mask likewise.

    The answer is `202` with the job and its `Location`. With `Prefer: wait=10` it is `200` with the finished job if
    it ends within 10 seconds.
    """
    wait = _wait_seconds(prefer, parts.settings.max_wait_seconds)
    if await parts.store.queued() >= parts.settings.max_queued:
        raise QueueFull("Too many jobs are waiting already. Try again later.")
    job, event = await _accept(request, parts)
    headers = {"Location": f"/v1/jobs/{job.id}"}
    if wait is not None:
        headers["Preference-Applied"] = f"wait={wait:g}"
        job = await _wait(job, event, wait, request, parts)
    if job.ended:
        return Json(await _view(job, parts), 200, headers)
    return Json(job_view(job), 202, {**headers, "Retry-After": POLL_SECONDS})


@router.get("/{job_id}", response_model=JobView, responses=problems(404, 503))
async def read(job: JobDep, parts: PartsDep) -> Response:
    """How the job is; with its result, less the label map, once it has succeeded."""
    headers = {} if job.ended else {"Retry-After": POLL_SECONDS}
    return Json(await _view(job, parts), 200, headers)


@router.post("/{job_id}/cancel", response_model=JobView, responses=problems(404, 409, 503))
async def cancel(job: JobDep, parts: PartsDep) -> Response:
    """End a job that nobody wants any more. Its worker stops within seconds; its image is removed.

    A job that is cancelled already stays so (200); one that has ended otherwise is left as it is (409).
    """
    job = await _cancel(job, parts)
    if job.status is not JobStatus.CANCELLED:
        raise AlreadyEnded(f"The job has {job.status} already. DELETE {links(job.id).self} removes it.")
    return Json(job_view(job))


@router.delete("/{job_id}", status_code=204, responses=problems(404, 503))
async def delete(job_id: JobIdDep, parts: PartsDep) -> Response:
    """Remove a job with its image, its result and its events; one that has not ended is cancelled.

    From then on it is unknown (404).
    """
    try:
        job = await existing_job(parts, job_id)
    except UnreadableRecord:
        files = [upload_key(job_id), upload_key(job_id, "mask")]
    else:
        await _cancel(job, parts)
        files = [upload.key for upload in job.uploads]
    for key in files:
        await parts.blobs.delete(key)
    await parts.blobs.delete_all(result_prefix(job_id))
    # The record last: if anything fails before, the job is still there to be deleted.
    await parts.store.forget(job_id)
    return Response(status_code=204)


async def _cancel(job: Job, parts: Parts) -> Job:
    """The job, ended: cancelled now, if it had not ended before."""
    found = await parts.store.cancel(job)
    if found is None:
        raise NotFound(f"The job {job.id} was deleted.")
    if found.status is JobStatus.CANCELLED:
        if not job.ended:
            metrics.ended.labels(JobStatus.CANCELLED, "").inc()
        await uploads.discard(job.uploads, parts.blobs)
    return found


def _wait_seconds(prefer: str | None, most: float) -> float | None:
    """The seconds of `Prefer: wait=N` (RFC 7240), at most `most`; None where it is not asked for."""
    for preference in (prefer or "").replace(";", ",").split(","):
        name, _, value = (part.strip() for part in preference.partition("="))
        if name.lower() == "wait":
            if not value.isdecimal():
                raise InvalidRequest(f"Prefer: wait takes whole seconds, such as wait=10; got {value!r}.")
            return min(float(value), most)
    return None


async def _accept(request: Request, parts: Parts) -> tuple[Job, str]:
    """Store what the request brings, and send it to a worker; the job, and its first event's id."""
    job_id = new_job_id()
    received = await uploads.receive(request, job_id, parts)
    job = new_job(job_id, received.params, received.image, received.mask, tracing.traceparent())
    event = await _enqueue(job, parts)
    metrics.accepted.labels(job.params.algorithm).inc()
    return job, event


async def _enqueue(job: Job, parts: Parts) -> str:
    """Store the job, then send its id; its first event's id.

    Once its record is there the job is accepted: the sweep sends what could not be sent. If it cannot be stored nothing
    is left of it; where nobody knows whether it was, and it cannot be withdrawn, it keeps its files: then it runs as if
    it had been accepted, or they are collected.
    """
    try:
        event = await parts.store.create(job)
    except BaseException as error:
        if isinstance(error, Refused) or await parts.store.withdraw(job):
            await uploads.discard(job.uploads, parts.blobs)
        raise
    try:
        await asyncio.to_thread(parts.queue.send, job)
    except Unavailable as error:
        log.warning("its message cannot be sent now: %s", error.__cause__, extra={"job_id": job.id})
    return event


async def _wait(job: Job, after: str, seconds: float, request: Request, parts: Parts) -> Job:
    """The job as it is when an event after `after` has ended it, after `seconds`, or when nobody waits any more."""
    try:
        async for event in parts.store.follow(job.id, after, seconds):
            if event is None and await request.is_disconnected():
                break
            if event is not None and event.name in ENDED:
                break
        return await parts.store.get(job.id) or job
    except Unavailable:
        # It was accepted: the client must learn its id, whatever can be said of it now.
        return job


async def _view(job: Job, parts: Parts) -> dict[str, Any]:
    has_result = job.status is JobStatus.SUCCEEDED and not job.expired
    return job_view(job, await results.load(job, parts.blobs) if has_result else None)
