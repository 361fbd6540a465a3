"""A request's files: bounded streams -> blob store, counted and hashed on the way, then checked by their headers."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterable
from typing import NamedTuple

from fastapi import Request

from api.image_header import ImageHeader, check_image
from api.request_forms import read_form, too_large
from shared.blobs import Blobs, upload_key
from shared.errors import InvalidRequest
from shared.jobs import Upload
from shared.params import AnyParams, check_reference_size, check_region, parse_params
from shared.settings import Settings


class Received(NamedTuple):
    """What a job is made of."""

    image: Upload
    mask: Upload | None
    params: AnyParams


async def receive(request: Request, job_id: str, blobs: Blobs, settings: Settings) -> Received:
    """Store the request's files under the job's upload keys, and read its parameters.

    Raises a HuemillError, and leaves no blob behind, when anything is wrong with any of them.
    """
    stored: dict[str, Upload] = {}
    form = read_form(request, settings)
    try:
        async for file in form.files():
            key = upload_key(job_id, file.name)
            stored[file.name] = await _store(key, file.chunks, file.name, file.filename, blobs, settings)
        params = parse_params(form.params)
        headers = {
            name: await asyncio.to_thread(_check_stored, upload, blobs, settings) for name, upload in stored.items()
        }
        image = headers["image"]
        _check_selection(image, "mask" in stored, params)
    except BaseException:
        await discard(stored.values(), blobs)
        raise
    return Received(stored["image"], stored.get("mask"), params)


def _check_selection(image: ImageHeader, masked: bool, params: AnyParams) -> None:
    """Refuse what the header shows to be in vain: a region outside of the image, too much for the reference engine."""
    if not image.may_be_turned or params.region is None or params.region.is_outside(image.height, image.width):
        check_region(params, image.width, image.height)
    # Else fewer pixels may be left, and the worker decides.
    if not (image.transparent or masked or params.region or params.exclude):
        pixels = image.width * image.height
        check_reference_size(min(pixels, params.max_pixels or pixels), params)


async def discard(uploads: Iterable[Upload], blobs: Blobs) -> None:
    """Remove files that no job needs."""
    for upload in uploads:
        await blobs.delete(upload.key)


async def _store(
    key: str, chunks: AsyncIterator[bytes], name: str, filename: str | None, blobs: Blobs, settings: Settings
) -> Upload:
    counted = _Counted(chunks, name, settings.max_upload_bytes)
    await blobs.write(key, counted.chunks())
    return Upload(key=key, size=counted.size, sha256=counted.sha256.hexdigest(), filename=filename)


class _Counted:
    """Counts and hashes chunks as they pass."""

    def __init__(self, source: AsyncIterator[bytes], name: str, limit: int) -> None:
        self._source, self._name, self._limit = source, name, limit
        self.size = 0
        self.sha256 = hashlib.sha256()

    async def chunks(self) -> AsyncIterator[bytes]:
        async for chunk in self._source:
            self.size += len(chunk)
            if self.size > self._limit:
                raise too_large(self._limit)
            self.sha256.update(chunk)
            yield chunk
        if self.size == 0:
            raise InvalidRequest(f"The {self._name} is empty: 0 bytes were sent.")


def _check_stored(upload: Upload, blobs: Blobs, settings: Settings) -> ImageHeader:
    with blobs.open(upload.key) as file:
        return check_image(file, upload.size, settings)
