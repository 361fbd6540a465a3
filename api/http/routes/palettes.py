"""The palette of a finished job in the formats of design tools: made when it is asked for, from the result alone."""

import asyncio
import zlib
from pathlib import PurePosixPath
from typing import Annotated

import orjson
from fastapi import APIRouter, Depends, Path, Query, Response

from api.http import results
from api.http.caching import cache_control, etag_of, is_known
from api.http.dependencies import BlobsDep, JobDep
from api.http.disposition import content_disposition, file_name
from api.http.files import FileRequest, file_request_of
from api.http.openapi import headers as declared
from api.http.openapi import problems
from api.http.responses import without_body
from api.palette.registry import FORMATS, VERSION, Format
from api.palette.swatches import from_result
from shared.contract.errors import NotFound
from shared.jobs.model import Job, now
from shared.storage.blobs import Blobs

router = APIRouter(prefix="/v1/jobs/{job_id}", tags=["results"])

_ENDINGS = ", ".join(FORMATS)


@router.head("/palette.{ending}", include_in_schema=False)
@router.get(
    "/palette.{ending}",
    response_class=Response,
    summary="A palette as a file",
    responses={
        200: {
            "description": "The palette",
            "content": {kind.media_type.partition(";")[0]: {"schema": kind.schema} for kind in FORMATS.values()},
            "headers": declared("ETag", "Cache-Control", "Content-Disposition", "Vary"),
        },
        304: {"description": "The client has it already, by `If-None-Match`", "headers": declared("ETag")},
        **problems(404, 409, 410, 412, 422, 503),
    },
)
async def get_palette(
    job: JobDep,
    ending: Annotated[str, Path(description=f"One of {_ENDINGS}.", examples=["gpl"])],
    blobs: BlobsDep,
    asked: Annotated[FileRequest, Depends(file_request_of)],
    download: Annotated[str | None, Query(description="Have a browser save it rather than show it.")] = None,
) -> Response:
    """The palette as a file for design tools and programs. Entries are named after their colours, each uniquely."""
    kind = FORMATS.get(ending)
    if kind is None:
        raise NotFound(f"There is no palette format {ending[:32]!r}; there are {_ENDINGS}.")
    key = results.result_key(job)
    assert job.expires_at is not None
    packed = asked.gzip and kind.is_text
    etag = etag_of(f"{key}palette.{ending}", VERSION, *(["gzip"] if packed else []))
    headers = {"ETag": etag, "Cache-Control": cache_control((job.expires_at - now()).total_seconds())}
    if kind.is_text:
        headers["Vary"] = "Accept-Encoding"
    if is_known(asked.conditions, etag):
        return Response(status_code=304, headers=headers)
    named = file_name(job.upload.filename, f"palette.{ending}")
    headers["Content-Disposition"] = content_disposition(named, download=download is not None)
    if packed:
        headers["Content-Encoding"] = "gzip"
    if not asked.body:
        return without_body(kind.media_type, headers)
    return Response(await _written(job, kind, blobs, packed), 200, headers, kind.media_type)


async def _written(job: Job, kind: Format, blobs: Blobs, packed: bool) -> bytes:
    result = await results.load(job, blobs)
    text = b"{" + b"".join([piece async for piece in result.rest])[1:]  # its first byte is the comma before it
    title = PurePosixPath(job.upload.filename or "palette").stem

    def write() -> bytes:
        """On a thread: a palette may have 65,536 colours."""
        made = kind.write(from_result(orjson.loads(text), title))
        return zlib.compress(made, 6, 16 + zlib.MAX_WBITS) if packed else made

    return await asyncio.to_thread(write)
