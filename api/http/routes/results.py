"""A finished job's result and label map."""

from typing import Annotated, Literal

from fastapi import APIRouter, Header, Query, Response
from fastapi.responses import StreamingResponse

from api.http import results
from api.http.dependencies import JobDep, PartsDep
from api.http.negotiation import choose
from api.http.openapi import problems
from api.http.responses import Json
from shared.contract.results import INLINE_LABELS_PIXELS, ClusterResult

router = APIRouter(prefix="/v1/jobs/{job_id}", tags=["results"])

_LABEL_TYPES = (*results.LABEL_FILES, "application/json")


@router.get("/result", response_model=ClusterResult, responses=problems(404, 409, 410, 422, 503))
async def result(
    job: JobDep,
    parts: PartsDep,
    labels: Annotated[
        Literal["inline", "none"] | None,
        Query(description="`inline`: with the label map, however large; `none`: without it."),
    ] = None,
) -> Response:
    """Centroids, shares, palette and labels. The label map is inline up to 262,144 pixels, else at its `href`."""
    found = await results.load(job, parts.blobs)
    inline = labels == "inline" or (labels is None and found["image"]["pixels"] <= INLINE_LABELS_PIXELS)
    if labels == "none":
        del found["labels"]
    if not inline:
        return Json(found)
    chunks = results.stream_with_labels(found, job, parts.blobs)
    return StreamingResponse(await results.begun(chunks), media_type="application/json")


@router.get(
    "/labels",
    response_class=Response,
    responses={
        200: {
            "description": "A label for every pixel: noise is -1, pixels left out are -2",
            "content": {
                "image/png": {"schema": {"type": "string", "format": "binary"}},
                "application/x-npy": {"schema": {"type": "string", "format": "binary"}},
                "application/json": {"schema": {"type": "object"}},
            },
        },
        **problems(404, 406, 409, 410, 422, 503),
    },
)
async def label_map(job: JobDep, parts: PartsDep, accept: Annotated[str | None, Header()] = None) -> Response:
    """The label map: an indexed PNG (label i in colour i), a NumPy array, or JSON, by `Accept`."""
    media_type = choose(accept, _LABEL_TYPES)
    headers = {"Vary": "Accept"}
    if media_type == "application/json":
        description = (await results.load(job, parts.blobs))["labels"]
        chunks = results.stream_labels(description, job, parts.blobs)
    else:
        chunks = parts.blobs.read(results.result_key(job) + results.LABEL_FILES[media_type])
    return StreamingResponse(await results.begun(chunks), media_type=media_type, headers=headers)
