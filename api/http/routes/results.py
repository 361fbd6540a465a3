"""A finished job's result and label map."""

from collections.abc import AsyncIterator
from functools import partial
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Response

from api.http import results
from api.http.dependencies import AcceptDep, BlobsDep, JobDep
from api.http.files import FileRequest, file_answer, file_request_of, stored_file
from api.http.made import Made, made_answer
from api.http.negotiation import choose
from api.http.openapi import headers, problems
from shared.contract.results import INLINE_LABELS_PIXELS, LABELS_NPY, LABELS_PNG, ClusterResult
from shared.jobs.model import Job
from shared.storage.blobs import Blobs

router = APIRouter(prefix="/v1/jobs/{job_id}", tags=["results"])

_LABEL_FILES = {"image/png": LABELS_PNG, "application/x-npy": LABELS_NPY}
_JSON = "application/json"


@router.head("/result", include_in_schema=False)
@router.get(
    "/result",
    response_model=ClusterResult,
    summary="A job's result",
    response_description="The result",
    responses={
        200: {"headers": headers("ETag", "Cache-Control", "Content-Disposition", "Vary")},
        304: {"description": "The client has it already, by `If-None-Match`", "headers": headers("ETag")},
        **problems(404, 409, 410, 412, 422, 503),
    },
)
async def get_result(
    job: JobDep,
    blobs: BlobsDep,
    asked: Annotated[FileRequest, Depends(file_request_of)],
    labels: Annotated[
        Literal["inline", "none"] | None,
        Query(description="`inline`: with the label map, however large; `none`: without it."),
    ] = None,
) -> Response:
    """Centroids, shares, palette and labels. The label map is inline up to 262,144 pixels, else at its `href`."""
    return await made_answer(job, Made("result.json", _JSON, partial(_result, job, blobs, labels), labels or ""), asked)


async def _result(job: Job, blobs: Blobs, labels: str | None) -> AsyncIterator[bytes]:
    found = await results.load(job, blobs)
    rows, columns = found.head["labels"]["shape"]
    if labels == "inline" or (labels is None and rows * columns <= INLINE_LABELS_PIXELS):
        return results.pieces_with_labels(found, job, blobs)
    if labels == "none":
        del found.head["labels"]
    return results.pieces(found)


@router.head("/labels", include_in_schema=False)
@router.get(
    "/labels",
    response_class=Response,
    summary="A job's label map",
    responses={
        200: {
            "description": "A label for every pixel: noise is -1, pixels left out are -2",
            "content": {
                "image/png": {"schema": {"type": "string", "format": "binary"}},
                "application/x-npy": {"schema": {"type": "string", "format": "binary"}},
                "application/json": {"schema": {"$ref": "#/components/schemas/LabelMap"}},
            },
            "headers": headers("ETag", "Cache-Control", "Content-Disposition", "Vary", "Accept-Ranges"),
        },
        206: {
            "description": "The part of a PNG or NumPy file that `Range` asks for",
            "headers": headers("ETag", "Content-Range"),
        },
        304: {"description": "The client has it already, by `If-None-Match`", "headers": headers("ETag")},
        **problems(404, 406, 409, 410, 412, 416, 422, 503),
    },
)
async def get_labels(
    job: JobDep,
    blobs: BlobsDep,
    asked: Annotated[FileRequest, Depends(file_request_of)],
    accept: AcceptDep,
) -> Response:
    """The label map: an indexed PNG (label i in colour i), a NumPy array, or JSON, by `Accept`."""
    media_type = choose(accept, (*_LABEL_FILES, _JSON))
    if media_type != _JSON:
        file = await stored_file(job, _LABEL_FILES[media_type], blobs, download=False)
        return await file_answer(file, asked, blobs, vary=("Accept",))
    return await made_answer(job, Made("labels.json", _JSON, partial(_labels, job, blobs)), asked, vary=("Accept",))


async def _labels(job: Job, blobs: Blobs) -> AsyncIterator[bytes]:
    found = await results.load(job, blobs)
    return results.stream_labels(found.head["labels"], job, blobs)
