"""Blobs for threads: the worker's side, and the gateway's look at an image's header. See `blobs.py` for the other one.

A blob is whole or not there: it appears under its name when its last byte is written.
"""

import io
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO

import obstore

from shared.storage.folder import write_whole
from shared.storage.location import open_location, storage_errors

if TYPE_CHECKING:
    from obstore import ReadableFile  # there for type checkers only

HEADER_BYTES = 2**16


class SyncBlobs:
    """An object store by URL (see `open_location`), synchronous."""

    def __init__(self, url: str) -> None:
        self._store, self._folder = open_location(url)

    def write(self, key: str, data: bytes) -> None:
        """Write a whole blob."""
        with storage_errors():
            if self._folder is not None:
                write_whole(self._folder / key, data)
            else:
                obstore.put(self._store, key, data)

    def write_all(self, files: Mapping[str, bytes]) -> None:
        """Write blobs by their keys.

        Into a folder one after the other: that takes less than to wake a thread for each. Into an object store all at
        once: each waits for its answer.
        """
        if self._folder is not None:
            for key, data in files.items():
                self.write(key, data)
        else:
            with ThreadPoolExecutor(len(files)) as pool:
                list(pool.map(self.write, files.keys(), files.values()))

    def read(self, key: str) -> bytes:
        """The whole blob. Raises NotFound where there is none."""
        with storage_errors():
            if self._folder is not None:
                return (self._folder / key).read_bytes()
            return bytes(obstore.get(self._store, key).bytes())

    @contextmanager
    def open(self, key: str) -> Iterator[BinaryIO]:
        """The blob as a file that is read piece by piece. Raises NotFound where there is none; so may reading it."""
        with storage_errors():
            source = obstore.open_reader(self._store, key, buffer_size=HEADER_BYTES)
        with io.BufferedReader(_Reader(source), HEADER_BYTES) as file:
            yield file

    def delete(self, key: str) -> None:
        """Remove a blob, if it is there."""
        with storage_errors():
            try:
                obstore.delete(self._store, key)
            except FileNotFoundError:
                return


class _Reader(io.RawIOBase):
    """obstore's reader as one of Python's own: bytes instead of buffers, and Python's seeking."""

    def __init__(self, source: "ReadableFile") -> None:
        self._source = source

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        with storage_errors():
            return self._source.seek(offset, whence)

    def tell(self) -> int:
        return self._source.tell()

    def readinto(self, buffer: Any) -> int:
        with storage_errors():
            data = self._source.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)
