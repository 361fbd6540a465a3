"""What an image may be, for programs that would rather know before they send one."""

from fastapi import APIRouter
from pydantic import BaseModel, Field

from api.http.dependencies import SettingsDep
from api.http.openapi import problems
from shared.formats import MEDIA_TYPES

router = APIRouter(prefix="/v1/limits", tags=["images"])


class ImageFormat(BaseModel):
    """A format that is read."""

    name: str
    media_type: str


class ImageLimits(BaseModel):
    """What is more than this is refused: 413, `upload_too_large` or `image_too_large`."""

    bytes: int = Field(description="Of a file.")
    pixels: int = Field(description="Width times height.")
    side: int = Field(description="The longer of width and height, in pixels.")
    frames: int = Field(description="Frames or pages of a file, though only the first is clustered.")
    formats: list[ImageFormat] = Field(description="Everything else is 415, `unsupported_image`.")


_FORMATS = [ImageFormat(name=name, media_type=media_type) for name, media_type in MEDIA_TYPES.items()]


@router.head("", include_in_schema=False)
@router.get("", summary="What an image may be", response_description="The limits", responses=problems())
async def get_limits(settings: SettingsDep) -> ImageLimits:
    """The operator's limits on images, and the formats that are read: what can be told before an image is sent."""
    most = settings.image_limits
    return ImageLimits(
        bytes=settings.max_upload_bytes, pixels=most.pixels, side=most.side, frames=most.frames, formats=_FORMATS
    )
