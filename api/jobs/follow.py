"""A job's events as they happen, for as long as somebody takes them."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from enum import StrEnum

from shared.contract.errors import Unavailable
from shared.jobs.events import Event
from shared.jobs.model import ENDED
from shared.jobs.streams import Streams


class Silence(StrEnum):
    """Why no event comes at the moment; the words are for people."""

    NOTHING_NEW = "still here"
    STORE_AWAY = "the job store cannot be reached at the moment"


def _forever() -> bool:
    return True


async def follow(
    job_id: str, after: str, streams: Streams, may_stay: Callable[[], bool] = _forever
) -> AsyncGenerator[Event | Silence]:
    """The events after the one with id `after`, to the job's last one; a Silence now and then while there are none.

    A store that is out of reach does not end it: it goes on, and misses nothing, when the store is back. Whoever may
    stay no more is told nothing more.
    """
    with streams.of(job_id) as stream:
        quiet = False
        while may_stay():
            version = stream.version
            try:
                events = await streams.since(stream, after)
            except Unavailable:
                events = None
            if events:
                async with streams.turn:
                    await asyncio.sleep(0)
            for event in events or ():
                if not may_stay():
                    return
                after = event.id
                yield event
                if event.name in ENDED:
                    return
            if not events:
                if events is not None and stream.over:
                    return
                if quiet:
                    yield Silence.STORE_AWAY if streams.away else Silence.NOTHING_NEW
                await stream.news(version)
            quiet = not events
