"""A stored result as it goes over HTTP: with links, and with the label map's data where they are wanted."""

import logging
from collections.abc import AsyncIterator
from typing import Any

import orjson

from api.http.expiry import result_expired
from api.http.json_pieces import BlobReader, around, embed, numbers
from api.http.schemas import file_link, job_view, links
from shared.contract.errors import Expired, HuemillError, JobCancelled, JobFailed, NotFinished
from shared.contract.results import LABELS_NPY, RESULT_FILE
from shared.contract.stored_result import StoredResult, read_result
from shared.jobs.model import Job, JobStatus, now
from shared.storage.blobs import Blobs

SHORT_BYTES = 2**15
"""Longer than any result that a message has room for."""

log = logging.getLogger("huemill.api")


def result_key(job: Job) -> str:
    """Where the job's result is stored. Raises what there is to say when there is none."""
    if not job.ended:
        raise NotFinished(f"The job is {job.status}. Follow {links(job.id).events}, or ask again soon.")
    if job.status is JobStatus.CANCELLED:
        raise JobCancelled("The job was cancelled and has no result. Post the image again.")
    if job.expired and job.status is not JobStatus.FAILED:
        raise Expired(result_expired(job))
    if job.status is not JobStatus.SUCCEEDED or job.result_key is None:
        raise JobFailed(f"The job {job.status} and has no result: {job.error.message if job.error else 'no reason'}")
    return job.result_key


def seconds_left(job: Job) -> float:
    """Until the job's result expires."""
    return (job.expires_at - now()).total_seconds() if job.expires_at is not None else 0.0


async def load(job: Job, blobs: Blobs) -> StoredResult:
    """The result with its links, and without the label map's data."""
    result = await read_result(blobs.read(result_key(job) + RESULT_FILE))
    result.head["labels"]["href"] = links(job.id).labels
    for artifact in result.head["artifacts"]:
        artifact["href"] = file_link(job.id, artifact["name"])
    return result


async def pieces(result: StoredResult) -> AsyncIterator[bytes]:
    """The result as JSON, as it is stored."""
    yield orjson.dumps(result.head)[:-1]
    async for piece in result.rest:
        yield piece


async def described(job: Job, blobs: Blobs) -> dict[str, Any]:
    """The job as `GET` answers it, for a message: with its result where that is short and can be read."""
    view = job_view(job)
    if job.status is not JobStatus.SUCCEEDED or job.expired:
        return view
    text = b""
    try:
        async for piece in pieces(await load(job, blobs)):
            text += piece
            if len(text) > SHORT_BYTES:
                return view
    except HuemillError as error:
        log.warning("its result cannot be told: %s", error)
        return view
    return {**view, "result": orjson.loads(text)}


async def pieces_with_labels(result: StoredResult, job: Job, blobs: BlobReader) -> AsyncIterator[bytes]:
    """The result as JSON with the label map's data in it."""
    before, after = around(result.head, ("labels", "data"))
    async for piece in _numbers(result.head["labels"], job, blobs):
        yield before + piece
        before = b""
    yield after[:-1]  # the rest closes the object
    async for piece in result.rest:
        yield piece


def stream_labels(labels: dict[str, Any], job: Job, blobs: BlobReader) -> AsyncIterator[bytes]:
    """The result's `labels` alone as JSON, with the data."""
    return embed(labels, ("data",), _numbers(labels, job, blobs))


def _numbers(labels: dict[str, Any], job: Job, blobs: BlobReader) -> AsyncIterator[bytes]:
    return numbers(blobs.read(result_key(job) + LABELS_NPY), labels["dtype"])
