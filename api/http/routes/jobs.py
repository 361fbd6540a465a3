"""Posting a job, and asking how it is."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from api.http.caching import is_known
from api.http.dependencies import (
    AcceptanceDep,
    BlobsDep,
    BodyDep,
    IntakeDep,
    JobDep,
    JobIdDep,
    ListeningDep,
    PreferDep,
    SettingsDep,
    StoreDep,
    StreamsDep,
)
from api.http.files import FileRequest, file_request_of
from api.http.job_answers import job_answer, job_tag
from api.http.openapi import SUBMIT, headers, problems
from api.http.preferences import wait_seconds
from api.http.problems import POLL_SECONDS
from api.http.responses import Json
from api.http.schemas import JobView, job_view, links
from api.jobs import cancel as ending
from api.jobs.find import find
from api.jobs.wait import ended_or_as_it_was, wait_for_change, wait_for_end
from shared.contract.errors import AlreadyEnded
from shared.jobs.model import JobStatus, new_job, new_job_id
from shared.runtime import tracing

router = APIRouter(prefix="/v1/jobs", tags=["jobs"])


@router.post(
    "",
    status_code=202,
    response_model=JobView,
    summary="Cluster an image",
    response_description="Accepted: the job is at its `Location`",
    responses={
        200: {
            "model": JobView,
            "description": "Finished within `Prefer: wait`",
            "headers": headers("Location", "Preference-Applied"),
        },
        202: {"headers": headers("Location", "Preference-Applied", "Retry-After")},
        **problems(400, 403, 408, 413, 415, 422, 503, 507),
    },
    openapi_extra=SUBMIT,
)
async def create_job(
    body: BodyDep,
    intake: IntakeDep,
    acceptance: AcceptanceDep,
    store: StoreDep,
    streams: StreamsDep,
    blobs: BlobsDep,
    settings: SettingsDep,
    listening: ListeningDep,
    prefer: PreferDep,
) -> Response:
    """Post an image; every pixel of it is clustered.

    Send the image as the part `image` of `multipart/form-data`, with the parameters as JSON in the part `params`; or
    the image itself as the body, with the parameters in the query string; or a JSON object with one of `image_base64`,
    `image_url` and `image_sha256`, and the parameters beside it. The first and the last take a mask likewise.
    `client_reference` and `tags` stand where the parameters stand.

    The answer is `202` with the job and its `Location`. With `Prefer: wait=10` it is `200` with the finished job if
    it ends within 10 seconds.
    """
    seconds = wait_seconds(prefer, settings.max_wait_seconds)
    await acceptance.check_room()
    job_id = new_job_id()
    received = await intake.receive(body, job_id)
    job = new_job(job_id, received.params, received.image, received.mask, tracing.traceparent(), received.description)
    await acceptance.accept(job)
    fields = {"Location": links(job.id).self}
    if seconds is not None:
        fields["Preference-Applied"] = f"wait={seconds:g}"
        job = await ended_or_as_it_was(job, seconds, store, streams, listening)
    if job.ended:
        return await job_answer(job, blobs, fields)
    return Json(job_view(job), 202, {**fields, "Retry-After": POLL_SECONDS})


@router.head("/{job_id}", include_in_schema=False)
@router.get(
    "/{job_id}",
    response_model=JobView,
    summary="How a job is",
    response_description="The job",
    responses={
        200: {"headers": headers("ETag", "Cache-Control", "Retry-After")},
        304: {"description": "The client has it as it is, by `If-None-Match`", "headers": headers("ETag")},
        **problems(404, 412, 422, 503),
    },
)
async def get_job(
    job: JobDep,
    blobs: BlobsDep,
    store: StoreDep,
    streams: StreamsDep,
    settings: SettingsDep,
    listening: ListeningDep,
    asked: Annotated[FileRequest, Depends(file_request_of)],
    wait: Annotated[
        float | None,
        Query(
            ge=0, allow_inf_nan=False, description="Seconds for which the answer may wait for a change.", examples=[20]
        ),
    ] = None,
) -> Response:
    """How the job is; with its result, less the label map, once it has succeeded.

    With `?wait=20` the answer comes when there is something new, after 20 seconds at the latest: with `If-None-Match`
    when the job is another than the one with that `ETag`, without when it has ended.
    """
    if wait and not job.ended:
        seconds = min(wait, settings.max_wait_seconds)
        if asked.conditions.if_none_match:
            job = await wait_for_change(
                job.id,
                lambda found: found.ended or not is_known(asked.conditions, job_tag(found)),
                seconds,
                store,
                streams,
                listening,
            )
        else:
            await wait_for_end(job.id, seconds, streams, listening)
            job = await find(job.id, store)
    return await job_answer(job, blobs, {} if job.ended else {"Retry-After": POLL_SECONDS}, asked.conditions)


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
