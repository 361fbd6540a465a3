"""Waiting for what becomes of a job, for so long and as long as somebody listens."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from api.jobs.find import find
from shared.contract.errors import HuemillError
from shared.jobs.clients import JobStore
from shared.jobs.model import Job
from shared.jobs.streams import Stream, Streams

Listening = Callable[[], Awaitable[bool]]
"""Answers whether somebody still listens."""
LISTENING_SECONDS = 2.0
AWAY_SECONDS = 0.25


async def wait_for_end(job_id: str, seconds: float, store: JobStore, streams: Streams, listening: Listening) -> Job:
    """The job when it has ended, after `seconds`, or when nobody listens any more.

    Raises NotFound when it is deleted, and Unavailable as soon as the store is out of reach.
    """
    with streams.of(job_id, closely=False) as stream:
        deadline = time.monotonic() + seconds
        while True:
            while not (stream.over or streams.away) and await _news(stream, stream.version, deadline, listening):
                pass
            job = await find(job_id, store)
            left = deadline - time.monotonic()
            if job.ended or left <= 0 or not await listening():
                return job
            # A store that has just come back can be asked before its news are heard again.
            await asyncio.sleep(min(AWAY_SECONDS, left))


async def ended_or_as_it_was(job: Job, seconds: float, store: JobStore, streams: Streams, listening: Listening) -> Job:
    """The job as it is after such a wait; as it was, where it is gone or cannot be read, or the store is out of reach.

    Who has posted it must learn its id, whatever can be said of it now.
    """
    try:
        return await wait_for_end(job.id, seconds, store, streams, listening)
    except HuemillError:
        return job


async def wait_for_change(
    job_id: str, enough: Callable[[Job], bool], seconds: float, store: JobStore, streams: Streams, listening: Listening
) -> Job:
    """The job when it is `enough` of another, after `seconds`, or when nobody listens any more.

    Raises NotFound when it is deleted, and Unavailable.
    """
    with streams.of(job_id) as stream:
        deadline = time.monotonic() + seconds
        while True:
            version = stream.version
            job = await find(job_id, store)
            if enough(job) or not await _news(stream, version, deadline, listening):
                return job


async def _news(stream: Stream, version: int, deadline: float, listening: Listening) -> bool:
    """Wait for a look at the stream after the one of that version; False where the deadline comes first, or nobody
    listens.
    """
    while (left := deadline - time.monotonic()) > 0:
        if await stream.news(version, min(LISTENING_SECONDS, left)):
            return True
        if not await listening():
            break
    return False
