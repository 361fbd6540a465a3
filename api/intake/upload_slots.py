"""How many uploads a gateway takes at the same time: each one under way holds some megabytes of memory."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from shared.contract.errors import TooManyUploads


class Slots:
    """`most` slots, of which each upload holds one; for one thread. Of key holders nobody has more than half of them:
    uploads may be slow.
    """

    def __init__(self, most: int) -> None:
        self._most, self._of_one = most, (most + 1) // 2
        self._taken: Counter[str] = Counter()

    @contextmanager
    def one(self, owner: str = "") -> Iterator[None]:
        """A slot while the context lasts. Raises TooManyUploads where none is free, or none for this owner; whoever has
        no key is everybody.
        """
        if self._taken.total() >= self._most:
            raise TooManyUploads(f"{self._most} uploads are under way already, the most here. Try again later.")
        if owner and self._taken[owner] >= self._of_one:
            raise TooManyUploads(f"{self._of_one} uploads of this key are under way already. Try again later.")
        self._taken[owner] += 1
        try:
            yield
        finally:
            self._taken -= Counter({owner: 1})
