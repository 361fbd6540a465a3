"""Posting a job, and asking how it is."""

import logging
import math
from contextlib import nullcontext, suppress
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from api.access.keyring import no_longer_valid
from api.http.caching import is_known
from api.http.dependencies import (
    AcceptanceDep,
    BlobsDep,
    BodyDep,
    CacheControlDep,
    CallerDep,
    IntakeDep,
    JobDep,
    JobIdDep,
    KeyDep,
    KeyringDep,
    ListeningDep,
    PreferDep,
    SettingsDep,
    StoreDep,
    StreamsDep,
    WaitsDep,
)
from api.http.files import FileRequest, file_request_of
from api.http.job_answers import job_answer, job_tag
from api.http.openapi import SUBMIT, headers, problems
from api.http.preferences import wait_seconds, wants_anew
from api.http.problems import POLL_SECONDS
from api.http.responses import Json
from api.http.schemas import JobView, job_view, links
from api.jobs import cancel as ending
from api.jobs.wait import ended_or_as_it_was, wait_for_change, wait_for_end
from shared.contract.errors import AlreadyEnded, HuemillError, Unavailable
from shared.jobs.clients import JobStore
from shared.jobs.model import Job, JobStatus, new_job, new_job_id
from shared.jobs.pace import Outlook
from shared.runtime import tracing
from shared.storage.blobs import Blobs

router = APIRouter(prefix="/v1/jobs", tags=["jobs"])

log = logging.getLogger("huemill.api")

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
    streams: StreamsDep,
    blobs: BlobsDep,
    settings: SettingsDep,
    listening: ListeningDep,
    waits: WaitsDep,
    prefer: PreferDep,
    key: KeyDep,
    cache_control: CacheControlDep,
    caller: CallerDep,
) -> Response:
    """Post an image; every pixel of it is clustered.

    Send the image as the part `image` of `multipart/form-data`, with the parameters as JSON in the part `params`; or
    the image itself as the body, with the parameters in the query string; or a JSON object with one of `image_base64`,
    `image_url` and `image_sha256`, and the parameters beside it. The first and the last take a mask likewise.
    `client_reference`, `tags` and `priority` stand where the parameters stand.

    `callback_url` and `callback_events` stand among the parameters, or are parts of a form by themselves: see Callbacks
    below for what is sent there, signed.

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
    with nullcontext() if seconds is None else streams.expecting(job_id):
        async with acceptance.place(job_id, key, caller) as payer:
            received = await intake.receive(body, job_id, caller.owner)
            files, trace = (received.image, received.mask), tracing.traceparent()
            new = new_job(job_id, received.params, *files, trace, received.description, received.callback, caller.owner)
            anew = wants_anew(cache_control)
            accepted = await acceptance.accept(new, key, join=not anew, caller=payer, pixels=received.pixels)
            job, outlook, replayed = accepted
        if seconds is not None and not job.ended:
            waits()
            job = await ended_or_as_it_was(job, seconds, store, streams, listening)
            outlook = None  # it was another one
    fields = {"Location": links(job.id).self}
    if replayed:
        fields["Idempotent-Replayed"] = "true"
    if seconds is not None:
        fields["Preference-Applied"] = f"wait={seconds:g}"
    if job.ended:
        return await _with_its_id(job, blobs, fields)
    shown, retry = None, POLL_SECONDS
    with suppress(Unavailable):  # it is accepted, whatever can be said of it now
        shown, retry = await _before_it(job, outlook, store)
    return Json(job_view(job, queue_position=shown), 202, {**fields, "Retry-After": retry})


@router.head("/{job_id}", include_in_schema=False)
@router.get(
    "/{job_id}",
    response_model=JobView,
    summary="How a job is",
    response_description="The job",
    responses={
        200: {"headers": headers("ETag", "Cache-Control", "Retry-After", "Vary")},
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
    waits: WaitsDep,
    caller: CallerDep,
    keyring: KeyringDep,
    asked: Annotated[FileRequest, Depends(file_request_of)],
    wait: Annotated[
        float | None,
        Query(
            ge=0, allow_inf_nan=False, description="Seconds for which the answer may wait for a change.", examples=[20]
        ),
    ] = None,
) -> Response:
    """How the job is; with its result, less the label map, once it has succeeded.

    As long as it is queued, `queue_position` and `Retry-After` tell what it has before it. They are no part of what its
    `ETag` stands for.

    With `?wait=20` the answer comes when there is something new, after 20 seconds at the latest: with `If-None-Match`
    when the job is another than the one with that `ETag`, without when it has ended.
    """
    if wait and not job.ended:
        seconds = min(wait, settings.max_wait_seconds)
        waits()
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
            job = await wait_for_end(job.id, seconds, store, streams, listening)
        if not await keyring.may_stay(caller):
            raise no_longer_valid()
    if job.ended:
        return await job_answer(job, blobs, {}, asked)
    position, retry = await _before_it(job, None, store)
    return await job_answer(job, blobs, {"Retry-After": retry}, asked, position)


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
async def delete_job(job_id: JobIdDep, store: StoreDep, blobs: BlobsDep, caller: CallerDep) -> Response:
    """Remove a job with its image, its result and its events; one that has not ended is cancelled.

    From then on it is unknown (404).
    """
    await ending.delete(job_id, store, blobs, caller.owner)
    return Response(status_code=204)


async def _with_its_id(job: Job, blobs: Blobs, fields: dict[str, str]) -> Response:
    """The answer to who has posted a job that has ended; where its result cannot be read now, without it."""
    try:
        return await job_answer(job, blobs, fields)
    except HuemillError as error:
        log.warning("job %s is answered without its result: %s", job.id, error.__cause__ or error)
        return Json(job_view(job), 202, {**fields, "Retry-After": POLL_SECONDS})


async def _before_it(job: Job, outlook: Outlook | None, store: JobStore) -> tuple[int | None, str]:
    """The position of a job that has not ended, and the seconds after which it is worth asking again.

    `outlook`: where it is known already.
    """
    if job.status is not JobStatus.QUEUED:
        return None, POLL_SECONDS
    if outlook is None:
        outlook = await store.outlook(job)
    return outlook.position, str(min(max(1, math.ceil(outlook.seconds)), MOST_RETRY_SECONDS))
