"""Storing an image once, for any number of jobs."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Response

from api.http.dependencies import BodyDep, CallerDep, ImageRecordsDep, ImagesDep, IntakeDep
from api.http.openapi import STORE, headers, problems
from api.http.responses import Json
from api.http.schemas import StoredImageView, stored_image_view
from shared.contract.errors import NotFound
from shared.storage.keys import image_name

router = APIRouter(prefix="/v1/images", tags=["images"])


async def _name(
    caller: CallerDep, sha256: Annotated[str, Path(description="As `POST /v1/images` answered it.")]
) -> str:
    """The image's name in the store."""
    sha256 = sha256.lower()
    if len(sha256) != 64 or set(sha256) - set("0123456789abcdef"):
        raise _unknown(sha256)
    return image_name(sha256, caller.owner)


NameDep = Annotated[str, Depends(_name)]


@router.post(
    "",
    status_code=201,
    response_model=StoredImageView,
    summary="Store an image",
    response_description="Stored",
    responses={
        200: {
            "model": StoredImageView,
            "description": "It was stored already, and is kept for longer",
            "headers": headers("Location"),
        },
        201: {"headers": headers("Location")},
        **problems(400, 403, 408, 413, 415, 422, 503, 507),
    },
    openapi_extra=STORE,
)
async def store_image(body: BodyDep, intake: IntakeDep, images: ImagesDep, caller: CallerDep) -> Response:
    """Store an image, to be named by jobs as `image_sha256` or `mask_sha256`.

    It is sent in the same forms as a job's image, without parameters. It is kept for a day (or as the operator says)
    after its last use; jobs that have named it do not need it any longer.
    """
    key, image = await intake.receive_image(body, caller.owner)
    kept = await images.keep(key, image)
    view = stored_image_view(kept)
    return Json(view, 201 if kept.image == image else 200, {"Location": view["links"]["self"]})


@router.head("/{sha256}", include_in_schema=False)
@router.get(
    "/{sha256}",
    response_model=StoredImageView,
    summary="A stored image",
    response_description="What is known of it",
    responses=problems(404, 503),
)
async def get_image(sha256: str, name: NameDep, records: ImageRecordsDep) -> Response:
    """What is known of a stored image, and until when it is kept."""
    kept = await records.get(name)
    if kept is None:
        raise _unknown(sha256)
    return Json(stored_image_view(kept))


@router.delete(
    "/{sha256}",
    status_code=204,
    summary="Remove a stored image",
    response_description="Removed",
    responses=problems(404, 503),
)
async def delete_image(sha256: str, name: NameDep, images: ImagesDep) -> Response:
    """Remove a stored image. Jobs that have named it are not touched."""
    if not await images.delete(name):
        raise _unknown(sha256)
    return Response(status_code=204)


def _unknown(sha256: str) -> NotFound:
    return NotFound(f"There is no stored image {sha256.lower()[:64]!r} (any more). POST /v1/images stores one.")
