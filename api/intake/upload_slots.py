"""How many uploads a gateway takes at the same time: each one under way holds some megabytes of memory."""

from collections.abc import Iterator
from contextlib import contextmanager

from shared.contract.errors import TooManyUploads


class Slots:
    """`most` slots, of which each upload holds one; for one thread."""

    def __init__(self, most: int) -> None:
        self._most, self._free = most, most

    @contextmanager
    def one(self) -> Iterator[None]:
        """A slot while the context lasts. Raises TooManyUploads where none is free."""
        if not self._free:
            raise TooManyUploads(f"{self._most} uploads are under way already, the most here. Try again later.")
        self._free -= 1
        try:
            yield
        finally:
            self._free += 1
