"""What goes over HTTP: the job as a client sees it."""

from datetime import datetime
from typing import Any, cast
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field

from api.http.expiry import result_expired
from api.http.hrefs import href
from shared.contract.description import Priority
from shared.contract.params import AnyParams, Params
from shared.contract.results import ClusterResult
from shared.jobs.model import Attempt, Job, JobError, JobStatus, Progress, Upload
from shared.jobs.worker_names import public_name
from shared.storage.images import Kept

EXAMPLE_ID = "5f0c8a4e2b7d4c0f9a3e6d1b8c2f7e40"


class UploadedImage(BaseModel):
    """The image as it was received."""

    bytes: int
    sha256: str
    filename: str | None


class Links(BaseModel):
    """Where the job's parts are."""

    self: str
    result: str
    labels: str
    events: str
    ws: str
    cancel: str
    callbacks: str


class Expiry(BaseModel):
    """That a job's result is not there any more."""

    since: datetime
    detail: str = Field(description="What is gone, and what to do; for people.")


class JobView(BaseModel):
    """A job."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "id": EXAMPLE_ID,
                "status": "running",
                "queue_position": None,
                "cached": False,
                "attempt": 1,
                "attempts": [
                    {
                        "attempt": 1,
                        "worker": "worker-7f3a",
                        "started_at": "2026-11-21T10:00:00.004000Z",
                        "ended_at": None,
                        "reason": None,
                    }
                ],
                "progress": {"stage": "cluster", "fraction": 0.4},
                "params": {"algorithm": "kmeans", "n_clusters": 5},
                "image": {"bytes": 196653, "sha256": "9f86d0…", "filename": "china.jpg"},
                "mask": None,
                "client_reference": "order-4711",
                "tags": ["summer", "shop"],
                "priority": "interactive",
                "created_at": "2026-11-21T10:00:00.000000Z",
                "started_at": "2026-11-21T10:00:00.004000Z",
                "finished_at": None,
                "expires_at": None,
                "expired": None,
                "error": None,
                "result": None,
                "links": {
                    "self": f"/v1/jobs/{EXAMPLE_ID}",
                    "result": f"/v1/jobs/{EXAMPLE_ID}/result",
                    "labels": f"/v1/jobs/{EXAMPLE_ID}/labels",
                    "events": f"/v1/jobs/{EXAMPLE_ID}/events",
                    "ws": f"/v1/jobs/{EXAMPLE_ID}/ws",
                    "cancel": f"/v1/jobs/{EXAMPLE_ID}/cancel",
                    "callbacks": f"/v1/jobs/{EXAMPLE_ID}/callbacks",
                },
            }
        }
    )

    id: str
    status: JobStatus
    queue_position: int | None = Field(
        description="While it is queued: how many jobs have their turn before it, or before the one that it has "
        "joined; at most, as it looks now. 0: it is the next."
    )
    cached: bool = Field(description="Whether another job of the same image and parameters has computed its result.")
    attempt: int = Field(description="How many workers have begun it; more than 1 after a worker was lost.")
    attempts: list[Attempt] = Field(description="Each worker's try, and why it ended; also those that do not count.")
    progress: Progress
    params: Params
    image: UploadedImage
    mask: UploadedImage | None
    client_reference: str | None = Field(description="As it was given with the job.")
    tags: list[str] = Field(description="As they were given with the job.")
    priority: Priority = Field(description="As it was given with the job.")
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    expires_at: datetime | None = Field(description="From then on the result is gone (410).")
    expired: Expiry | None = Field(description="Of a succeeded job whose result is gone.")
    error: JobError | None
    result: ClusterResult | None = Field(description="Of a succeeded job, without the label map's data; null in lists.")
    links: Links


class JobListView(BaseModel):
    """A page of a list of jobs."""

    jobs: list[JobView] = Field(description="The newest first, each without its result.")
    next: str | None = Field(
        description="The address of the page after this one; null where nothing is left. Rarely a page is empty that "
        "has one: those who look for few among many go on from there."
    )


class ImageLinks(BaseModel):
    """Where a stored image is described."""

    self: str


class StoredImageView(BaseModel):
    """A stored image."""

    sha256: str = Field(description="Its name: jobs give it as `image_sha256` or `mask_sha256`.")
    bytes: int
    media_type: str
    width: int = Field(description="As it is seen, upright.")
    height: int
    expires_at: datetime = Field(description="Later with every use.")
    links: ImageLinks


class Problem(BaseModel):
    """An error (RFC 9457)."""

    type: str = Field(
        description="The address of the code's entry: what it means, and what to do. Of `quota_exceeded` the type that "
        "draft-ietf-httpapi-ratelimit-headers gives it."
    )
    title: str
    status: int
    code: str = Field(description="Stable; for programs.")
    detail: str = Field(description="What is wrong and what to do; for people.")
    errors: list[dict[str, Any]] | None = Field(None, description="With `invalid_params`: an entry for each field.")


def links(job_id: str) -> Links:
    base = href(f"/v1/jobs/{job_id}")
    return Links(
        self=base,
        result=f"{base}/result",
        labels=f"{base}/labels",
        events=f"{base}/events",
        ws=f"{base}/ws",
        cancel=f"{base}/cancel",
        callbacks=f"{base}/callbacks",
    )


def file_link(job_id: str, name: str) -> str:
    """Where a file of the job's result is."""
    return href(f"/v1/jobs/{job_id}/files/{quote(name)}")


def stored_image_view(kept: Kept) -> dict[str, Any]:
    image = kept.image
    return StoredImageView(
        sha256=image.sha256,
        bytes=image.size,
        media_type=image.media_type,
        width=image.width,
        height=image.height,
        expires_at=kept.expires_at,
        links=ImageLinks(self=href(f"/v1/images/{image.sha256}")),
    ).model_dump(mode="json")


def _uploaded(upload: Upload) -> UploadedImage:
    return UploadedImage(bytes=upload.size, sha256=upload.sha256, filename=upload.filename)


def _shown(attempt: Attempt) -> Attempt:
    """The attempt without its worker's host and processes, which are nobody's business."""
    known = {name: getattr(attempt, name) for name in Attempt.model_fields}  # a later version may have noted more
    return Attempt(**{**known, "worker": public_name(attempt.worker)})


def _expiry(job: Job) -> Expiry | None:
    if job.expires_at is None or not job.expired or job.status is not JobStatus.SUCCEEDED:
        return None
    return Expiry(since=job.expires_at, detail=result_expired(job))


def job_view(job: Job, result: dict[str, Any] | None = None, *, queue_position: int | None = None) -> dict[str, Any]:
    """The job as JSON-ready values; `result` is put in as it is."""
    view = JobView.model_construct(
        id=job.id,
        status=cast(JobStatus, job.status),  # of a later version it may be another; so may the parameters
        queue_position=queue_position,
        cached=job.cached,
        attempt=job.attempt,
        attempts=[_shown(attempt) for attempt in job.attempts],
        progress=job.progress or Progress(stage=str(job.status), fraction=0.0),
        params=cast(AnyParams, job.params),
        image=_uploaded(job.upload),
        mask=_uploaded(job.mask) if job.mask is not None else None,
        client_reference=job.client_reference,
        tags=list(job.tags),
        priority=job.priority,
        created_at=job.created_at,
        started_at=job.started_at,
        finished_at=job.finished_at,
        expires_at=job.expires_at,
        expired=_expiry(job),
        error=job.error,
        result=None,
        links=links(job.id),
    )
    return {**view.model_dump(mode="json", warnings=False), "result": result}
