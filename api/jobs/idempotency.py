"""A request's key while the request is taken in: reserved, and free again if nothing comes of it."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from shared.contract.errors import Unavailable
from shared.jobs.keys import RequestKey
from shared.jobs.reservations import LEASE_SECONDS, Reservations, Standing, under_way

log = logging.getLogger("huemill.api")


@asynccontextmanager
async def reserved(key: RequestKey, job_id: str, reservations: Reservations) -> AsyncIterator[Standing]:
    """The key is reserved for the request that is to become this job, while the context lasts; after an error it is
    free. Or it is USED: then its job was made before, as far as is known now.

    Raises IdempotencyConflict where another request has it that is still under way.
    """
    standing = await reservations.reserve(key, job_id)
    if standing is Standing.TAKEN:
        raise under_way()
    if standing is Standing.USED:
        yield standing
        return
    over = asyncio.Event()
    renewing = asyncio.create_task(_renew(key, job_id, reservations, over))
    try:
        yield standing
    except BaseException:
        over.set()
        await renewing  # else it could reserve the key once more
        with suppress(Unavailable):  # then the lease ends
            await reservations.release(key, job_id)
        raise
    finally:
        over.set()


async def _renew(key: RequestKey, job_id: str, reservations: Reservations, over: asyncio.Event) -> None:
    """Keep the reservation until it is over. Not by cancelling: redis-py may swallow that (see JobStore.follow)."""
    while not over.is_set():
        with suppress(TimeoutError):
            async with asyncio.timeout(LEASE_SECONDS / 3):
                await over.wait()
        if not over.is_set():
            try:
                await reservations.reserve(key, job_id)
            except Unavailable as error:
                log.warning("a reservation cannot be renewed: %s", error.__cause__)
