"""A request's files: bounded streams -> blob store, counted and hashed on the way, then checked by their headers."""

import asyncio
import hashlib
import io
from collections.abc import AsyncIterator, Iterable
from pathlib import PurePosixPath
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from fastapi import Request

from api.http.dependencies import Parts
from api.intake.forms import read_form
from api.intake.forms.base import Form, Reference, too_large
from api.intake.image_header import check_image
from shared.contract.errors import InvalidRequest, UnknownImage, errors_about
from shared.contract.params import AnyParams, check_mask_size, check_reference_size, check_region, parse_params
from shared.formats import Header
from shared.jobs.model import Upload, new_job_id
from shared.storage.blobs import Blobs
from shared.storage.keys import upload_key

# A file of up to so many bytes is checked from memory: even a hostile one takes only milliseconds.
HELD_BYTES = 2**13


class Received(NamedTuple):
    """What a job is made of."""

    image: Upload
    mask: Upload | None
    params: AnyParams


class _Stored(NamedTuple):
    """A file in the blob store."""

    upload: Upload
    held: bytes | None = None
    """All of its bytes, where they are few and came through here."""


async def receive(request: Request, job_id: str, parts: Parts) -> Received:
    """Store the request's files under the job's upload keys, and read its parameters.

    Raises a HuemillError, and leaves no blob behind, when anything is wrong with any of them.
    """
    form = read_form(request, parts.settings)
    stored: dict[str, _Stored] = {}
    try:
        await _take_files(form, job_id, stored, parts)
        params = parse_params(form.params)
        await _bring_files(form, job_id, stored, parts)
        headers = {name: await _check(name, file, parts) for name, file in stored.items()}
        _check_selection(headers["image"], headers.get("mask"), params)
    except BaseException:
        await discard([file.upload for file in stored.values()], parts.blobs)
        raise
    mask = stored["mask"].upload if "mask" in stored else None
    return Received(stored["image"].upload, mask, params)


async def receive_image(request: Request, parts: Parts) -> tuple[Upload, Header]:
    """Store the one image that the request is about, under a key that no job has."""
    form = read_form(request, parts.settings)
    stored: dict[str, _Stored] = {}
    try:
        unique = new_job_id()
        await _take_files(form, unique, stored, parts)
        if form.params or "mask" in stored or "mask" in form.references:
            raise InvalidRequest("An image is stored by itself: leave out the parameters and the mask.")
        await _bring_files(form, unique, stored, parts)
        return stored["image"].upload, await _check("image", stored["image"], parts)
    except BaseException:
        await discard([file.upload for file in stored.values()], parts.blobs)
        raise


def _check_selection(image: Header, mask: Header | None, params: AnyParams) -> None:
    """Refuse what the headers show to be in vain: a mask of another size, a region outside of the image, too much for
    the reference engine.
    """
    if mask is not None:
        check_mask_size(mask.upright, image.upright)
    check_region(params, *image.upright)
    # Else fewer pixels may be left.
    if not (image.transparent or mask is not None or params.region or params.exclude):
        pixels = image.width * image.height
        check_reference_size(min(pixels, params.max_pixels or pixels), params)


async def discard(uploads: Iterable[Upload], blobs: Blobs) -> None:
    """Remove files that no job needs."""
    for upload in uploads:
        await blobs.delete(upload.key)


async def _take_files(form: Form, job_id: str, stored: dict[str, _Stored], parts: Parts) -> None:
    """Store what the request brings, into `stored`."""
    with parts.slots.one():
        async for file in form.files():
            key = upload_key(job_id, file.name)
            with errors_about(file.name):
                stored[file.name] = await _store(key, file.chunks, file.name, file.filename, parts)


async def _bring_files(form: Form, job_id: str, stored: dict[str, _Stored], parts: Parts) -> None:
    """Store what the request names, into `stored`."""
    for name, reference in form.references.items():
        bring = _fetch if reference.kind == "url" else _copy
        with errors_about(name):
            stored[name] = await bring(reference, upload_key(job_id, name), name, parts)


async def _fetch(reference: Reference, key: str, name: str, parts: Parts) -> _Stored:
    async with parts.fetcher.open(reference.value) as chunks:
        filename = unquote(PurePosixPath(urlsplit(reference.value).path).name)[:255]
        return await _store(key, chunks, name, filename or None, parts)


async def _copy(reference: Reference, key: str, name: str, parts: Parts) -> _Stored:
    """A copy of a stored image, so that neither's life depends on the other's."""
    sha256 = reference.value
    image = await parts.stored.copy(sha256, key)
    if image is None:
        raise UnknownImage(
            f"No image with the SHA-256 {sha256} is stored here (any more). "
            f"Send it to POST /v1/images, or with the job as `{name}`."
        )
    return _Stored(Upload(key=key, size=image.size, sha256=sha256))


async def _store(key: str, chunks: AsyncIterator[bytes], name: str, filename: str | None, parts: Parts) -> _Stored:
    counted = _Counted(chunks, name, parts.settings.max_upload_bytes)
    await parts.blobs.write(key, counted.chunks())
    upload = Upload(key=key, size=counted.size, sha256=counted.sha256.hexdigest(), filename=filename)
    return _Stored(upload, bytes(counted.held) if counted.size <= HELD_BYTES else None)


class _Counted:
    """Counts and hashes chunks as they pass, and holds the first ones."""

    def __init__(self, source: AsyncIterator[bytes], name: str, limit: int) -> None:
        self._source, self._name, self._limit = source, name, limit
        self.size = 0
        self.sha256 = hashlib.sha256()
        self.held = bytearray()

    async def chunks(self) -> AsyncIterator[bytes]:
        async for chunk in self._source:
            self.size += len(chunk)
            if self.size > self._limit:
                raise too_large(self._limit)
            self.sha256.update(chunk)
            if self.size <= HELD_BYTES:
                self.held += chunk
            yield chunk
        if self.size == 0:
            raise InvalidRequest(f"The {self._name} is empty: 0 bytes were sent.")


async def _check(name: str, file: _Stored, parts: Parts) -> Header:
    upload, held = file

    def check() -> Header:
        with errors_about(name), parts.sync_blobs.open(upload.key) if held is None else io.BytesIO(held) as opened:
            return check_image(opened, upload.size, parts.settings)

    return check() if held is not None else await asyncio.to_thread(check)
