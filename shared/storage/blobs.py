"""Uploads and results as blobs in an object store.

    uploads/{job}                     the image as it came; removed when its job has settled
    uploads/{job}.mask                its mask, likewise
    images/{sha256}.{unique}          an image that jobs can name; see shared/storage/images.py
    results/{job}/{claim}/{file}      a result's files; a stale worker writes under its own claim only

A blob is whole or not there: it appears under its name when its last byte is written.
"""

import io
import os
import re
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple
from urllib.parse import unquote, urlsplit

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, from_url

from shared.contract.errors import NotFound, StorageFailed, StorageFull

if TYPE_CHECKING:
    from obstore import ReadableFile  # both are there for type checkers only
    from obstore.store import ClientConfig, RetryConfig

# Held in memory for each upload under way: S3 takes no smaller parts, a folder takes any.
S3_PART_BYTES, FOLDER_PART_BYTES = 5 * 2**20, 2**18
CHUNK_BYTES = 2**20
HEADER_BYTES = 2**16
UPLOADS = "uploads/"
RESULTS = "results/"
IMAGES = "images/"
# What obstore calls a local file until its last byte is written: the blob's name, and a number.
_UNFINISHED = re.compile(r".+#\d+")
# Of requests to an object store: a client waits for the answer meanwhile.
# Whether plain HTTP is used is said by the endpoint's own address (AWS_ENDPOINT_URL).
_CLIENT: "ClientConfig" = {"connect_timeout": timedelta(seconds=2), "allow_http": True}
_RETRY: "RetryConfig" = {"max_retries": 3, "retry_timeout": timedelta(seconds=5)}


class Entry(NamedTuple):
    """A blob as the store lists it."""

    key: str
    modified: datetime
    size: int


def upload_key(job_id: str, name: str = "image") -> str:
    """Of the job's `image` or its `mask`."""
    return f"{UPLOADS}{job_id}" if name == "image" else f"{UPLOADS}{job_id}.{name}"


def image_key(sha256: str, unique: str) -> str:
    return f"{IMAGES}{sha256}.{unique}"


def result_prefix(job_id: str) -> str:
    return f"{RESULTS}{job_id}/"


def owner_of(key: str) -> str:
    """The job that an upload or a result's file belongs to; the SHA-256 of an image."""
    return key.split("/")[1].split(".")[0]


@contextmanager
def _storage_errors() -> Iterator[None]:
    """Say what is wrong with the storage without showing its paths."""
    try:
        yield
    except FileNotFoundError as error:
        raise NotFound("The file is not in the storage any more.") from error
    except (BaseError, OSError) as error:
        text = str(error)
        if "No space left" in text or "os error 28" in text or "Disk quota" in text:
            raise StorageFull("The storage of the service is full. Try again later.") from error
        raise StorageFailed("The storage of the service failed. Try again later.") from error


class _Reader(io.RawIOBase):
    """obstore's reader as one of Python's own: bytes instead of buffers, and Python's seeking."""

    def __init__(self, source: "ReadableFile") -> None:
        self._source = source

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._source.seek(offset, whence)

    def tell(self) -> int:
        return self._source.tell()

    def readinto(self, buffer: Any) -> int:
        data = self._source.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


class Blobs:
    """An object store by URL: `file:///folder`, made if it is not there."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme == "file":
            folder = Path(unquote(parts.path))
            folder.mkdir(parents=True, exist_ok=True)
            self._folder: Path | None = folder
            self._store: obstore.store.ObjectStore = LocalStore(folder)
        else:
            self._folder = None
            self._store = from_url(url, client_options=_CLIENT, retry_config=_RETRY)

    async def write(self, key: str, chunks: AsyncIterator[bytes]) -> None:
        """Write a blob as its bytes come. If they end in an error, or the caller is cancelled, nothing is left."""
        part = S3_PART_BYTES if self._folder is None else FOLDER_PART_BYTES
        with _storage_errors():
            writer = obstore.open_writer_async(self._store, key, buffer_size=part, max_concurrency=2)
        try:
            async for chunk in chunks:
                with _storage_errors():
                    await writer.write(chunk)
            with _storage_errors():
                await writer.close()
        except BaseException:
            self._remove_begun(key)
            raise

    async def read(self, key: str) -> AsyncIterator[bytes]:
        """The blob's bytes in chunks; the first `anext` raises NotFound where there is none."""
        with _storage_errors():
            answer = await obstore.get_async(self._store, key)
            async for chunk in answer.stream(min_chunk_size=CHUNK_BYTES):
                yield bytes(chunk)

    async def read_whole(self, key: str) -> bytes:
        with _storage_errors():
            return bytes(await (await obstore.get_async(self._store, key)).bytes_async())

    @contextmanager
    def open(self, key: str) -> Iterator[BinaryIO]:
        """The blob as a file that is read piece by piece, synchronously."""
        with _storage_errors():
            source = obstore.open_reader(self._store, key, buffer_size=HEADER_BYTES)
        with io.BufferedReader(_Reader(source), HEADER_BYTES) as file:
            yield file

    async def copy(self, key: str, to: str) -> None:
        """A second blob of the same bytes, which do not travel: a hard link in a folder, its own copy elsewhere.

        Raises NotFound where there is no first one.
        """
        with _storage_errors():
            if self._folder is not None:
                os.utime(self._folder / key)  # a link's time is its file's: it must not look like an orphan to come
            await obstore.copy_async(self._store, key, to)

    async def rename(self, key: str, to: str) -> None:
        with _storage_errors():
            await obstore.rename_async(self._store, key, to)

    async def delete(self, key: str) -> None:
        """Remove a blob, if it is there."""
        with _storage_errors():
            try:
                await obstore.delete_async(self._store, key)
            except FileNotFoundError:
                return

    async def delete_all(self, prefix: str) -> None:
        """Remove all blobs whose names begin with `prefix`."""
        with _storage_errors():
            async for batch in obstore.list(self._store, prefix):
                await obstore.delete_async(self._store, [entry["path"] for entry in batch])

    async def entries(self, prefix: str) -> AsyncIterator[Entry]:
        """All blobs whose names begin with `prefix`, a folder's name."""
        with _storage_errors():
            async for batch in obstore.list(self._store, prefix):
                for meta in batch:
                    yield Entry(meta["path"], meta["last_modified"], meta["size"])

    def _remove_begun(self, key: str) -> None:
        """Remove what was written of a blob; obstore does so when nobody holds the writer any more."""
        if self._folder is not None:
            path = self._folder / key
            for begun in path.parent.glob(f"{path.name}#*"):
                begun.unlink(missing_ok=True)

    def remove_unfinished(self, older_than: float) -> int:
        """Remove what was begun and never finished, untouched for `older_than` seconds; how many there were.

        For a local folder only: object stores end unfinished uploads by a lifecycle rule of the bucket.
        """
        if self._folder is None:
            return 0
        removed = 0
        for path in self._folder.rglob("*#*"):
            with _storage_errors(), suppress(FileNotFoundError):
                if _UNFINISHED.fullmatch(path.name) and path.stat().st_mtime < time.time() - older_than:
                    path.unlink()
                    removed += 1
        return removed

    def get(self, key: str) -> bytes:
        """The whole blob, synchronously."""
        with _storage_errors():
            return bytes(obstore.get(self._store, key).bytes())

    def put_all(self, files: Mapping[str, bytes]) -> None:
        """Write blobs by their keys, synchronously.

        Into a folder one after the other: that takes less than to wake a thread for each. Into an object store all at
        once: each waits for its answer.
        """
        if self._folder is not None:
            for key, data in files.items():
                self.put(key, data)
        else:
            with ThreadPoolExecutor(len(files)) as pool:
                list(pool.map(self.put, files.keys(), files.values()))

    def put(self, key: str, data: bytes) -> None:
        """Write a blob, synchronously."""
        with _storage_errors():
            obstore.put(self._store, key, data)

    def remove(self, key: str) -> None:
        """Remove a blob, if it is there, synchronously."""
        with _storage_errors():
            try:
                obstore.delete(self._store, key)
            except FileNotFoundError:
                return
