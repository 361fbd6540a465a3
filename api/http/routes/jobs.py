"""Posting a job, and asking how it is."""

import math

from fastapi import APIRouter, Response

from api.http import results
from api.http.dependencies import (
    AcceptanceDep,
    BlobsDep,
    BodyDep,
    CacheControlDep,
    IntakeDep,
    JobDep,
    JobIdDep,
    KeyDep,
    ListeningDep,
    PreferDep,
    SettingsDep,
    StoreDep,
)
from api.http.json_pieces import embed
from api.http.openapi import SUBMIT, headers, problems
from api.http.preferences import wait_seconds, wants_anew
from api.http.problems import POLL_SECONDS
from api.http.responses import Json, streamed
from api.http.schemas import JobView, job_view, links
from api.jobs import cancel as ending
from api.jobs.wait import wait
from shared.contract.errors import AlreadyEnded
from shared.jobs.clients import JobStore
from shared.jobs.model import Job, JobStatus, new_job, new_job_id
from shared.jobs.pace import Outlook
from shared.runtime import tracing
from shared.storage.blobs import Blobs

router = APIRouter(prefix="/v1/jobs", tags=["jobs"])

# Nobody knows what a queue does in more than five minutes.
MOST_RETRY_SECONDS = 300


@router.post(
    "",
    status_code=202,
    response_model=JobView,
    summary="Cluster an image",
    response_description="Accepted: the job is at its `Location`",
    responses={
        200: {
            "model": JobView,
            "description": "Finished: within `Prefer: wait`, or before, where request or work is a repeated one",
            "headers": headers("Location", "Preference-Applied", "Idempotent-Replayed"),
        },
        202: {"headers": headers("Location", "Preference-Applied", "Idempotent-Replayed", "Retry-After")},
        **problems(400, 403, 404, 408, 409, 413, 415, 422, 503, 507),
    },
    openapi_extra=SUBMIT,
)
async def create_job(
    body: BodyDep,
    intake: IntakeDep,
    acceptance: AcceptanceDep,
    store: StoreDep,
    blobs: BlobsDep,
    settings: SettingsDep,
    listening: ListeningDep,
    prefer: PreferDep,
    key: KeyDep,
    cache_control: CacheControlDep,
) -> Response:
    """Post an image; every pixel of it is clustered.

    Send the image as the part `image` of `multipart/form-data`, with the parameters as JSON in the part `params`; or
    the image itself as the body, with the parameters in the query string; or a JSON object with one of `image_base64`,
    `image_url` and `image_sha256`, and the parameters beside it. The first and the last take a mask likewise.

    The answer is `202` with the job and its `Location`, its `queue_position`, and `Retry-After`: the seconds, up to
    300, after which it is most likely done, by its place and the queue's pace. With `Prefer: wait=10` it is `200` with
    the finished job if it ends within 10 seconds.

    With an `Idempotency-Key` a request can be repeated safely, say after an answer that did not come: within 24 hours
    the same request with the same key is answered with the job that it has become, as that is by then, and
    `Idempotent-Replayed: true`. Requests are the same if the images' bytes and the parameters are, however they were
    sent. A refused request does not use its key up.

    Work that was done before is not done again: a job of the same image, mask and parameters has its result at once
    (`200`, `cached`), or waits for the end of the one that is under way, and is a job of its own all the same.
    `Cache-Control: no-cache` has it computed anew.
    """
    seconds = wait_seconds(prefer, settings.max_wait_seconds)
    job_id = new_job_id()
    async with acceptance.place(job_id, key):
        received = await intake.receive(body, job_id)
        new = new_job(job_id, received.params, received.image, received.mask, tracing.traceparent())
        job, event, outlook, replayed = await acceptance.accept(new, key, join=not wants_anew(cache_control))
    fields = {"Location": links(job.id).self}
    if replayed:
        fields["Idempotent-Replayed"] = "true"
    if seconds is not None:
        fields["Preference-Applied"] = f"wait={seconds:g}"
        job = job if job.ended else await wait(job, event, seconds, store, listening)
        outlook = None  # it was another one
    if job.ended:
        return await _answer(job, blobs, fields)
    return await _unfinished(job, outlook, store, 202, fields)


@router.head("/{job_id}", include_in_schema=False)
@router.get(
    "/{job_id}",
    response_model=JobView,
    summary="How a job is",
    response_description="The job",
    responses={200: {"headers": headers("Retry-After")}, **problems(404, 503)},
)
async def get_job(job: JobDep, store: StoreDep, blobs: BlobsDep) -> Response:
    """How the job is; with its result, less the label map, once it has succeeded.

    As long as it is queued, `queue_position` and `Retry-After` tell what it has before it.
    """
    return await _answer(job, blobs, {}) if job.ended else await _unfinished(job, None, store, 200, {})


@router.post(
    "/{job_id}/cancel",
    response_model=JobView,
    summary="Cancel a job",
    response_description="The job, cancelled",
    responses=problems(404, 409, 503),
)
async def cancel_job(job: JobDep, store: StoreDep, blobs: BlobsDep) -> Response:
    """End a job that nobody wants any more. Its worker stops within seconds; its image is removed.

    A job that is cancelled already stays so (200); one that has ended otherwise is left as it is (409).
    """
    ended = await ending.cancel(job, store, blobs)
    if ended.status is not JobStatus.CANCELLED:
        raise AlreadyEnded(f"The job has {ended.status} already. DELETE {links(job.id).self} removes it.")
    return Json(job_view(ended))


@router.delete(
    "/{job_id}",
    status_code=204,
    summary="Remove a job",
    response_description="Removed",
    responses=problems(404, 503),
)
async def delete_job(job_id: JobIdDep, store: StoreDep, blobs: BlobsDep) -> Response:
    """Remove a job with its image, its result and its events; one that has not ended is cancelled.

    From then on it is unknown (404).
    """
    await ending.delete(job_id, store, blobs)
    return Response(status_code=204)


async def _unfinished(
    job: Job, outlook: Outlook | None, store: JobStore, status: int, fields: dict[str, str]
) -> Response:
    """A job that has not ended, and when it is worth asking again. `outlook`: if it is known already."""
    if job.status is not JobStatus.QUEUED:
        return Json(job_view(job), status, {**fields, "Retry-After": POLL_SECONDS})
    if outlook is None:
        outlook = await store.outlook(job)
    seconds = min(max(1, math.ceil(outlook.seconds)), MOST_RETRY_SECONDS)
    return Json(job_view(job, queue_position=outlook.position), status, {**fields, "Retry-After": str(seconds)})


async def _answer(job: Job, blobs: Blobs, fields: dict[str, str]) -> Response:
    """The job as it is, with its result if it has one."""
    view = job_view(job)
    if job.status is not JobStatus.SUCCEEDED or job.expired:
        return Json(view, 200, fields)
    found = await results.load(job, blobs)
    return await streamed(embed(view, ("result",), results.pieces(found)), "application/json", fields)
