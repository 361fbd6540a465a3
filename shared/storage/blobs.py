"""Blobs for the gateway's event loop: asynchronous, in streams. See `sync_blobs.py` for the worker's side.

A blob is whole or not there: it appears under its name when its last byte is written.
"""

import asyncio
import os
import re
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import obstore

from shared.contract.errors import NotFound
from shared.storage.location import open_location, storage_errors

# Held in memory for each upload under way: S3 takes no smaller parts, a folder takes any.
S3_PART_BYTES, FOLDER_PART_BYTES = 5 * 2**20, 2**18
CHUNK_BYTES = 2**20
# What obstore calls a local file until its last byte is written: the blob's name, and a number.
_UNFINISHED = re.compile(r".+#\d+")


class Entry(NamedTuple):
    """A blob as the store lists it."""

    key: str
    modified: datetime
    size: int


class Blobs:
    """An object store by URL (see `open_location`), asynchronous."""

    def __init__(self, url: str) -> None:
        self._store, self._folder = open_location(url)

    async def write(self, key: str, chunks: AsyncIterator[bytes]) -> None:
        """Write a blob as its bytes come. If they end in an error, or the caller is cancelled, nothing is left."""
        part = S3_PART_BYTES if self._folder is None else FOLDER_PART_BYTES
        with storage_errors():
            writer = obstore.open_writer_async(self._store, key, buffer_size=part, max_concurrency=2)
        try:
            async for chunk in chunks:
                with storage_errors():
                    await writer.write(chunk)
            with storage_errors():
                await writer.close()
        except BaseException:
            self._remove_begun(key)
            raise

    async def read(self, key: str) -> AsyncIterator[bytes]:
        """The blob's bytes in chunks; the first `anext` raises NotFound where there is none."""
        with storage_errors():
            answer = await obstore.get_async(self._store, key)
            async for chunk in answer.stream(min_chunk_size=CHUNK_BYTES):
                yield bytes(chunk)

    async def read_whole(self, key: str) -> bytes:
        """The whole blob. Raises NotFound where there is none."""
        with storage_errors():
            return bytes(await (await obstore.get_async(self._store, key)).bytes_async())

    async def exists(self, key: str) -> bool:
        """Whether there is such a blob."""
        try:
            with storage_errors():
                await obstore.head_async(self._store, key)
        except NotFound:
            return False
        return True

    async def copy(self, key: str, to: str) -> None:
        """A second blob of the same bytes, which do not travel: a hard link in a folder, its own copy elsewhere.

        Raises NotFound where there is no first one.
        """
        with storage_errors():
            if self._folder is not None:
                os.utime(self._folder / key)  # a link's time is its file's: it must not look like an orphan to come
            await obstore.copy_async(self._store, key, to)

    async def rename(self, key: str, to: str) -> None:
        with storage_errors():
            await obstore.rename_async(self._store, key, to)

    async def delete(self, key: str) -> None:
        """Remove a blob, if it is there."""
        with storage_errors():
            try:
                await obstore.delete_async(self._store, key)
            except FileNotFoundError:
                return

    async def delete_all(self, prefix: str) -> None:
        """Remove all blobs whose names begin with `prefix`."""
        with storage_errors():
            async for batch in obstore.list(self._store, prefix):
                await obstore.delete_async(self._store, [entry["path"] for entry in batch])

    async def entries(self, prefix: str) -> AsyncIterator[Entry]:
        """All blobs whose names begin with `prefix`, a folder's name."""
        with storage_errors():
            async for batch in obstore.list(self._store, prefix):
                for meta in batch:
                    yield Entry(meta["path"], meta["last_modified"], meta["size"])

    async def delete_unfinished(self, older_than: float) -> int:
        """Remove what was begun and never finished, untouched for `older_than` seconds; how many there were.

        For a local folder only: object stores end unfinished uploads by a lifecycle rule of the bucket.
        """
        if self._folder is None:
            return 0
        return await asyncio.to_thread(_delete_unfinished, self._folder, older_than)

    def _remove_begun(self, key: str) -> None:
        """Remove what was written of a blob; obstore does so when nobody holds the writer any more."""
        if self._folder is not None:
            path = self._folder / key
            for begun in path.parent.glob(f"{path.name}#*"):
                begun.unlink(missing_ok=True)


def _delete_unfinished(folder: Path, older_than: float) -> int:
    deleted = 0
    for path in folder.rglob("*#*"):
        with storage_errors(), suppress(FileNotFoundError):
            if _UNFINISHED.fullmatch(path.name) and path.stat().st_mtime < time.time() - older_than:
                path.unlink()
                deleted += 1
    return deleted
