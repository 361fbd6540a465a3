"""A finished job's files, each under its own name."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Response

from api.http.dependencies import BlobsDep, JobDep
from api.http.files import FileRequest, file_answer, file_request_of, stored_file
from api.http.openapi import FILE, headers, problems

router = APIRouter(prefix="/v1/jobs/{job_id}/files", tags=["results"])

# Of today's outputs; the first one stands for those of later versions, and for programs that read any file alike.
_MEDIA_TYPES = (
    "application/octet-stream",
    *(f"image/{kind}" for kind in ("png", "webp", "avif", "gif")),
    "application/x-npy",
    "application/json",
)


@router.head("/{name}", include_in_schema=False)
@router.get(
    "/{name}",
    response_class=Response,
    summary="A file of a result",
    responses={
        200: {
            "description": "The file",
            "content": {media_type: {"schema": FILE} for media_type in _MEDIA_TYPES},
            "headers": headers("ETag", "Cache-Control", "Content-Disposition", "Vary", "Accept-Ranges"),
        },
        206: {"description": "The part of it that `Range` asks for", "headers": headers("ETag", "Content-Range")},
        304: {"description": "The client has it already, by `If-None-Match`", "headers": headers("ETag")},
        **problems(404, 409, 410, 412, 416, 422, 503),
    },
)
async def get_file(
    job: JobDep,
    name: Annotated[str, Path(description="As the result's `artifacts` list it.")],
    blobs: BlobsDep,
    asked: Annotated[FileRequest, Depends(file_request_of)],
    download: Annotated[str | None, Query(description="Have a browser save it rather than show it.")] = None,
) -> Response:
    """A file of the result, which never changes: it may be kept as long as the job, and be read in parts."""
    return await file_answer(await stored_file(job, name, blobs, download=download is not None), asked, blobs)
