"""Blobs for the gateway's event loop: asynchronous, in streams. See `sync_blobs.py` for the worker's side.

A blob is whole or not there: it appears under its name when its last byte is written.
"""

import asyncio
import os
import re
import time
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, NamedTuple

import obstore

from shared.contract.errors import NotFound
from shared.storage.folder import write_whole
from shared.storage.location import open_location, storage_errors

# Held in memory for each upload under way: S3 takes no smaller parts, a folder takes any.
S3_PART_BYTES, FOLDER_PART_BYTES = 5 * 2**20, 2**18
# Held in memory for each reader, who may be slow.
PIECE_BYTES = 2**15
# What obstore calls a local file until its last byte is written: the blob's name, and a number.
_UNFINISHED = re.compile(r".+#\d+")


THREADS = 4
# Each finds fewer; what is left in the end goes when the collector comes.
DELETE_TRIES = 10


class Entry(NamedTuple):
    """A blob as the store lists it."""

    key: str
    modified: datetime
    size: int


class Blobs:
    """An object store by URL (see `open_location`), asynchronous."""

    def __init__(self, url: str) -> None:
        self._store, self._folder = open_location(url)
        # Threads of their own: a disk that is slow must not hold those in which uploads are checked.
        self._threads = ThreadPoolExecutor(THREADS, "blobs")
        self._turn = asyncio.Lock()

    async def write(self, key: str, chunks: AsyncIterator[bytes]) -> None:
        """Write a blob as its bytes come. If they end in an error, or the caller is cancelled, nothing is left."""
        held = bytearray()
        if self._folder is not None:
            async for chunk in chunks:
                held += chunk
                if len(held) > FOLDER_PART_BYTES:
                    break
            else:
                # All of a small one at once, without obstore, whose threads take twice as long.
                run = asyncio.get_running_loop().run_in_executor
                await self._last_step(key, run(self._threads, write_whole, self._folder / key, bytes(held)))
                return
        await self._write_in_parts(key, bytes(held), chunks)

    async def _write_in_parts(self, key: str, begin: bytes, chunks: AsyncIterator[bytes]) -> None:
        part = S3_PART_BYTES if self._folder is None else FOLDER_PART_BYTES
        with storage_errors():
            writer = obstore.open_writer_async(self._store, key, buffer_size=part, max_concurrency=2)
        try:
            if begin:
                with storage_errors():
                    await writer.write(begin)
            async for chunk in chunks:
                with storage_errors():
                    await writer.write(chunk)
            await self._last_step(key, asyncio.ensure_future(writer.close()))
        except BaseException:
            # The error holds this frame, and the writer its file: a full disk would stay full until both are gone.
            del writer
            self._remove_begun(key)
            raise

    async def _last_step(self, key: str, step: asyncio.Future[None]) -> None:
        """Await the step that makes a blob. It cannot be taken back once it is begun: where the caller is cancelled
        meanwhile, what comes of it is removed.
        """
        try:
            with storage_errors():
                await asyncio.shield(step)
        except BaseException:
            await asyncio.wait([step])
            if step.exception() is None:
                await self.delete(key)
            raise

    async def read(self, key: str, part: tuple[int, int] | None = None) -> AsyncIterator[bytes]:
        """The blob's bytes in pieces of 32 kB; the first `anext` raises NotFound where there is no blob.

        `part`: only those from the first number to before the second, which are in it.

        In each turn of the event loop one piece is handed out, however many read: what is done with a piece is short,
        but of 300 readers it would be a silence for everyone else, again and again.
        """
        pieces = self._pieces_of_file(key, part) if self._folder is not None else self._pieces_of_object(key, part)
        with storage_errors():
            async for piece in pieces:
                async with self._turn:
                    await asyncio.sleep(0)
                yield piece

    async def _pieces_of_object(self, key: str, part: tuple[int, int] | None) -> AsyncIterator[bytes]:
        options: obstore.GetOptions = {} if part is None else {"range": part}
        answer = await obstore.get_async(self._store, key, options=options)
        async for piece in answer.stream(min_chunk_size=PIECE_BYTES):
            yield bytes(piece)

    async def _pieces_of_file(self, key: str, part: tuple[int, int] | None) -> AsyncIterator[bytes]:
        """The same without obstore, which takes three times as long: it reads 8 kB at a time, each on some thread."""
        assert self._folder is not None
        run = asyncio.get_running_loop().run_in_executor
        file, at, end, piece = await run(self._threads, _begun, self._folder / key, part)
        with file:
            while piece:
                at += len(piece)
                if at == end:
                    file.close()  # whoever takes the last piece may be slow
                yield piece
                piece = b""
                if at < end:
                    piece = await run(self._threads, os.pread, file.fileno(), min(PIECE_BYTES, end - at), at)

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
        """Remove all blobs whose names begin with `prefix`. Others may do so at the same time."""
        with storage_errors():
            for _ in range(DELETE_TRIES):
                with suppress(FileNotFoundError):  # somebody else was quicker with one: the others are still there
                    async for batch in obstore.list(self._store, prefix):
                        await obstore.delete_async(self._store, [entry["path"] for entry in batch])
                    return

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


def _begun(path: Path, part: tuple[int, int] | None) -> tuple[BinaryIO, int, int, bytes]:
    """The file, opened; where its reading begins and ends; and the first piece."""
    file = path.open("rb", 0)
    try:
        at, end = part or (0, os.fstat(file.fileno()).st_size)
        return file, at, end, os.pread(file.fileno(), min(PIECE_BYTES, end - at), at)
    except BaseException:
        file.close()
        raise


def _delete_unfinished(folder: Path, older_than: float) -> int:
    deleted = 0
    for path in folder.rglob("*#*"):
        with storage_errors(), suppress(FileNotFoundError):
            if _UNFINISHED.fullmatch(path.name) and path.stat().st_mtime < time.time() - older_than:
                path.unlink()
                deleted += 1
    return deleted
