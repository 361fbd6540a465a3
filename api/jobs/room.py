"""Whether more jobs are taken: by how many wait, asked of the store only where it may matter."""

import time

from shared.contract.errors import QueueFull
from shared.jobs.clients import JobStore

# So long what was counted holds, with what was let in here since: other gateways let in too few meanwhile to matter.
SURE_SECONDS = 0.1


class Room:
    """For at most `most` jobs that wait. No key holder has more than half of it: turns are worth nothing to whoever is
    not let in.
    """

    def __init__(self, store: JobStore, most: int) -> None:
        self._store, self._most, self._half = store, most, (most + 1) // 2
        self._waiting, self._sure_until = 0, 0.0

    async def check(self, owner: str = "") -> None:
        """Raises QueueFull where no more jobs, or no more of this owner's, are taken at the moment: to be asked before
        an upload is read.
        """
        if self._waiting >= self._half or time.monotonic() > self._sure_until:
            self._waiting, self._sure_until = await self._store.queued(), time.monotonic() + SURE_SECONDS
        if self._waiting >= self._most:
            raise QueueFull("Too many jobs are waiting already. Try again later.")
        if owner and self._waiting >= self._half and await self._store.waiting_of(owner) >= self._half:
            raise QueueFull(f"{self._half:,} jobs of this key are waiting, half of all that may wait. Try again later.")
        self._waiting += 1
