"""A request's files in the blob store: streamed there, counted and hashed on the way, then checked by their headers."""

import asyncio
import hashlib
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

from api.intake.body import limited
from api.intake.forms.parts import FilePart
from api.intake.image_header import check_image
from shared.contract.errors import InvalidRequest, errors_about
from shared.formats import Header
from shared.jobs.model import Upload
from shared.runtime.settings import Settings
from shared.storage.blobs import Blobs
from shared.storage.keys import upload_key
from shared.storage.sync_blobs import SyncBlobs

# A file of up to so many bytes is checked from memory: even a hostile one takes only milliseconds.
HELD_BYTES = 2**13


class Stored(NamedTuple):
    """A file in the blob store."""

    upload: Upload
    held: bytes | None = None
    """All of its bytes, where they are few and came through here."""


class Uploads:
    """Where files of requests are put."""

    def __init__(self, blobs: Blobs, sync_blobs: SyncBlobs, settings: Settings) -> None:
        self._blobs, self._sync_blobs, self._settings = blobs, sync_blobs, settings

    @asynccontextmanager
    async def of(self, owner: str) -> AsyncIterator["RequestFiles"]:
        """The files of one request, under the keys of `owner`, a job's id. If the context ends in an error, none of
        them is left.
        """
        files = RequestFiles(owner, self._blobs, self._sync_blobs, self._settings)
        try:
            yield files
        except BaseException:
            for file in files.stored.values():
                await self._blobs.delete(file.upload.key)
            raise


class RequestFiles:
    """What is stored of one request, by `image` or `mask`."""

    def __init__(self, owner: str, blobs: Blobs, sync_blobs: SyncBlobs, settings: Settings) -> None:
        self._owner, self._blobs, self._sync_blobs, self._settings = owner, blobs, sync_blobs, settings
        self.stored: dict[str, Stored] = {}

    def key_of(self, name: str) -> str:
        """Where the file is stored, or is to be."""
        return upload_key(self._owner, name)

    async def store(self, part: FilePart) -> None:
        """Store a file as its bytes come. Raises UploadTooLarge, and InvalidRequest for one without a byte."""
        key = self.key_of(part.name)
        counted = _Counted(limited(part.chunks, self._settings.max_upload_bytes), part.name)
        await self._blobs.write(key, counted.chunks())
        upload = Upload(key=key, size=counted.size, sha256=counted.sha256.hexdigest(), filename=part.filename)
        self.stored[part.name] = Stored(upload, bytes(counted.held) if counted.size <= HELD_BYTES else None)

    def add(self, name: str, upload: Upload) -> None:
        """Take in what was stored under the file's key in another way."""
        self.stored[name] = Stored(upload)

    async def header(self, name: str) -> Header:
        """What a stored file's header says. Raises what `check_image` does."""
        upload, held = self.stored[name]

        def check() -> Header:
            with errors_about(name), self._sync_blobs.open(upload.key) if held is None else io.BytesIO(held) as opened:
                return check_image(opened, upload.size, self._settings)

        return check() if held is not None else await asyncio.to_thread(check)


class _Counted:
    """Counts and hashes chunks as they pass, and holds the first ones."""

    def __init__(self, source: AsyncIterator[bytes], name: str) -> None:
        self._source, self._name = source, name
        self.size = 0
        self.sha256 = hashlib.sha256()
        self.held = bytearray()

    async def chunks(self) -> AsyncIterator[bytes]:
        async for chunk in self._source:
            self.size += len(chunk)
            self.sha256.update(chunk)
            if self.size <= HELD_BYTES:
                self.held += chunk
            yield chunk
        if self.size == 0:
            raise InvalidRequest(f"The {self._name} is empty: 0 bytes were sent.")
