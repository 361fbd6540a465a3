"""The palette of a finished job in the formats of design tools: made when it is asked for, from the result alone."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from pathlib import PurePosixPath
from typing import Annotated

import orjson
from fastapi import APIRouter, Depends, Path, Query, Response

from api.http import results
from api.http.dependencies import BlobsDep, JobDep
from api.http.files import FileRequest, file_request_of
from api.http.made import Made, made_answer
from api.http.openapi import headers, problems
from api.palette.registry import FORMATS, Format
from api.palette.swatches import from_result
from shared.contract.errors import NotFound
from shared.contract.stored_result import StoredResult
from shared.jobs.model import Job
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
            "headers": headers("ETag", "Cache-Control", "Content-Disposition", "Vary"),
        },
        304: {"description": "The client has it already, by `If-None-Match`", "headers": headers("ETag")},
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
    made = Made(f"palette.{ending}", kind.media_type, partial(_palette, job, kind, blobs))
    return await made_answer(job, made, asked, download=download is not None)


async def _palette(job: Job, kind: Format, blobs: Blobs) -> AsyncIterator[bytes]:
    return _written(await results.load(job, blobs), kind, PurePosixPath(job.upload.filename or "palette").stem)


async def _written(result: StoredResult, kind: Format, title: str) -> AsyncIterator[bytes]:
    text = b"{" + b"".join([piece async for piece in result.rest])[1:]  # its first byte is the comma before it

    def write() -> bytes:
        """On a thread: a palette may have 65,536 colours."""
        return kind.write(from_result(orjson.loads(text), title))

    yield await asyncio.to_thread(write)
