"""A job as an answer: with its result if it has one, or not at all because the client has it."""

import orjson
from fastapi import Response

from api.http import results
from api.http.caching import etag_of, is_known
from api.http.compression import gzipped
from api.http.files import FileRequest
from api.http.json_pieces import embed
from api.http.responses import Json, streamed
from api.http.schemas import job_view
from shared.jobs.model import Job, JobStatus
from shared.storage.blobs import Blobs

# It may change at any time: what is kept of it is to be asked for again, by its tag.
CACHE_CONTROL = "private, no-cache"


def job_tag(job: Job, *, packed: bool = False) -> str:
    """The entity tag of the job as it is: another one for whatever its answer says otherwise, but for its place in the
    queue, which no move of its own changes. `packed`: of the answer as gzip.
    """
    result = job.result_key or "" if _has_result(job) else ""
    return etag_of(orjson.dumps(job_view(job)).decode(), result, *(["gzip"] if packed else []))


async def job_answer(
    job: Job,
    blobs: Blobs,
    fields: dict[str, str],
    asked: FileRequest | None = None,
    queue_position: int | None = None,
) -> Response:
    """The job as it is, with its result if it has one; compressed, or 304, where `asked` says that the client takes
    that, or has it.
    """
    packed = asked is not None and asked.gzip and _has_result(job)
    tag = job_tag(job, packed=packed)
    weak = "W/" if job.status is JobStatus.QUEUED else ""  # for its place alone
    fields = {**fields, "ETag": weak + tag, "Cache-Control": CACHE_CONTROL}
    if _has_result(job):
        fields["Vary"] = "Accept-Encoding"
    if asked is not None and is_known(asked.conditions, tag):
        return Response(status_code=304, headers=fields)
    view = job_view(job, queue_position=queue_position)
    if not _has_result(job):
        return Json(view, 200, fields)
    chunks = embed(view, ("result",), results.pieces(await results.load(job, blobs)))
    if packed:
        fields["Content-Encoding"] = "gzip"
    return await streamed(gzipped(chunks) if packed else chunks, "application/json", fields)


def _has_result(job: Job) -> bool:
    return job.status is JobStatus.SUCCEEDED and not job.expired
