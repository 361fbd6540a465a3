"""A job's events as they happen, for as long as somebody takes them."""

import asyncio
import logging
from collections.abc import AsyncIterator
from enum import StrEnum

from shared.contract.errors import Unavailable
from shared.jobs.clients import Event, JobStore

AGAIN_SECONDS = 1.0

# In each turn of the event loop one event is handed out, however many follow: what is done with it is short, but of a
# thousand followers of a long job it would be a silence for everyone else.
_turn = asyncio.Lock()

log = logging.getLogger("huemill.api")


class Silence(StrEnum):
    """Why no event comes at the moment; the words are for people."""

    NOTHING_NEW = "still here"
    STORE_AWAY = "the job store cannot be reached at the moment"


async def follow(job_id: str, after: str, store: JobStore) -> AsyncIterator[Event | Silence]:
    """The events after the one with id `after`, to the job's last one; a Silence now and then while there are none.

    A store that is out of reach does not end it: it goes on, and misses nothing, when the store is back.
    """
    while True:
        try:
            async for event in store.follow(job_id, after):
                if event is None:
                    yield Silence.NOTHING_NEW
                else:
                    after = event.id
                    async with _turn:
                        await asyncio.sleep(0)
                    yield event
            return
        except Unavailable as error:
            log.warning("its events cannot be read: %s", error.__cause__ or error, extra={"job_id": job_id})
        yield Silence.STORE_AWAY
        await asyncio.sleep(AGAIN_SECONDS)
