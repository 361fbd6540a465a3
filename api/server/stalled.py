"""Readers that take nothing at the moment. Each keeps a piece of its answer or two waiting, a quarter of a megabyte."""

from typing import Protocol

# Whoever reads at all is among them for moments only. More than so many at a time are no readers.
MOST_STALLED = 500


class Reader(Protocol):
    """A connection, as far as it is seen here."""

    def cut(self) -> None:
        """End it at once."""
        ...


class Stalled:
    """Who takes nothing, the longest first; of too many the longest goes, before its time is over."""

    def __init__(self, most: int = MOST_STALLED) -> None:
        self._most = most
        self._readers: dict[Reader, None] = {}

    def add(self, reader: Reader) -> None:
        self._readers[reader] = None
        if len(self._readers) > self._most:
            next(iter(self._readers)).cut()

    def remove(self, reader: Reader) -> None:
        self._readers.pop(reader, None)
