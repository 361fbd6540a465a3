"""What is made of a result when it is asked for, as an answer: whole, compressed, or not at all because the client has
it. A result never changes, so neither does what one version of huemill makes of it.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from importlib.metadata import version

from fastapi import Response

from api.http import results
from api.http.caching import cache_control, etag_of, is_known
from api.http.compression import gzipped, is_text
from api.http.disposition import content_disposition, file_name
from api.http.files import FileRequest
from api.http.hrefs import href
from api.http.responses import head_of, streamed
from shared.jobs.model import Job

_VERSION = version("huemill")
"""What is kept of one version is not taken for another's."""


@dataclass(frozen=True)
class Made:
    """How something is made of a job's result."""

    name: str
    """Under which it is saved, behind the image's."""
    media_type: str
    make: Callable[[], Awaitable[AsyncIterator[bytes]]]
    """Gives its bytes, as they are made. Raises NotFound where what they are made from is gone."""
    variant: str = ""
    """Which of several it is by this name: of one variant the bytes are always the same."""


async def made_answer(
    job: Job, made: Made, asked: FileRequest, vary: tuple[str, ...] = (), *, download: bool = False
) -> Response:
    """The answer to GET or HEAD. Raises PreconditionFailed, what `result_key` does, and what making it does.

    `vary`: the request's fields by which it was chosen.
    """
    text = is_text(made.media_type)
    packed = text and asked.gzip
    # Addresses within it begin with the prefix that the gateway is served at.
    identity = (results.result_key(job), made.name, made.variant, _VERSION, href(""))
    etag = etag_of(*identity, *(["gzip"] if packed else []))
    headers = {"ETag": etag, "Cache-Control": cache_control(results.seconds_left(job))}
    if text or vary:
        headers["Vary"] = ", ".join((*vary, "Accept-Encoding") if text else vary)
    if is_known(asked.conditions, etag):
        return Response(status_code=304, headers=headers)
    named = file_name(job.upload.filename, made.name)
    headers["Content-Disposition"] = content_disposition(named, download=download)
    if packed:
        headers["Content-Encoding"] = "gzip"
    chunks = await made.make()
    if not asked.body:
        return await head_of(chunks, made.media_type, headers)
    return await streamed(gzipped(chunks) if packed else chunks, made.media_type, headers)
