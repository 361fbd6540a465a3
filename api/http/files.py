"""A result's file as an answer: whole, in part, compressed, or not at all because the client has it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from fastapi import Request, Response

from api.http import results
from api.http.caching import Conditions, Part, cache_control, etag_of, is_known, wanted_part
from api.http.compression import gzipped, is_text
from api.http.dependencies import field
from api.http.disposition import content_disposition, file_name
from api.http.negotiation import takes_gzip
from api.http.responses import head_of, streamed
from shared.contract.errors import NotFound
from shared.jobs.model import Job
from shared.storage.blobs import Blobs


@dataclass(frozen=True)
class StoredFile:
    """A file of a result, which never changes."""

    key: str
    """Of its blob."""
    media_type: str
    size: int
    disposition: str
    seconds_left: float
    """Until it expires."""


@dataclass(frozen=True)
class FileRequest:
    """What a request wants of a file."""

    conditions: Conditions
    body: bool = True
    """False for HEAD: the same answer without it."""
    gzip: bool = False
    """Whether the client takes text compressed."""


async def file_request_of(request: Request) -> FileRequest:
    names = ("if-match", "if-none-match", "if-range", "range")
    conditions = Conditions(*(field(name, request) for name in names))
    return FileRequest(conditions, request.method != "HEAD", takes_gzip(field("accept-encoding", request)))


async def stored_file(job: Job, name: str, blobs: Blobs, *, download: bool) -> StoredFile:
    """The file that the job's result lists by this name. Raises NotFound where it lists none."""
    artifacts = {artifact["name"]: artifact for artifact in (await results.load(job, blobs)).head["artifacts"]}
    if name not in artifacts:
        raise NotFound(f"This result has no file {name[:64]!r}. It has {', '.join(artifacts)}.")
    return StoredFile(
        key=results.result_key(job) + name,
        media_type=artifacts[name]["media_type"],
        size=artifacts[name]["bytes"],
        disposition=content_disposition(file_name(job.upload.filename, name), download=download),
        seconds_left=results.seconds_left(job),
    )


async def file_answer(file: StoredFile, asked: FileRequest, blobs: Blobs, vary: tuple[str, ...] = ()) -> Response:
    """The answer to GET or HEAD. Raises PreconditionFailed, RangeNotSatisfiable, and NotFound where its blob is gone.

    `vary`: the request's fields by which the file was chosen.
    """
    text = is_text(file.media_type)
    ranged = asked.body and bool(asked.conditions.range)
    packed = text and asked.gzip and not ranged
    etag = etag_of(file.key, "gzip") if packed else etag_of(file.key)
    headers = {"ETag": etag, "Cache-Control": cache_control(file.seconds_left)}
    if text or vary:
        headers["Vary"] = ", ".join((*vary, "Accept-Encoding") if text else vary)
    if is_known(asked.conditions, etag):
        return Response(status_code=304, headers=headers)
    headers["Content-Disposition"] = file.disposition
    if packed:
        headers["Content-Encoding"] = "gzip"
        return await _sent(gzipped(blobs.read(file.key)), file, headers, asked)
    part = wanted_part(asked.conditions, etag, file.size) if ranged else None
    begin, end = part or Part(0, file.size)
    headers |= {"Accept-Ranges": "bytes", "Content-Length": str(end - begin)}
    if part is None:
        return await _sent(blobs.read(file.key), file, headers, asked)
    headers["Content-Range"] = f"bytes {begin}-{end - 1}/{file.size}"
    return await streamed(blobs.read(file.key, part), file.media_type, headers, 206)


async def _sent(
    chunks: AsyncIterator[bytes], file: StoredFile, headers: dict[str, str], asked: FileRequest
) -> Response:
    answer = streamed if asked.body else head_of
    return await answer(chunks, file.media_type, headers)
