"""Waiting for a job's end, for so long and as long as somebody listens."""

from collections.abc import Awaitable, Callable

from shared.contract.errors import Unavailable
from shared.jobs.clients import JobStore
from shared.jobs.model import ENDED, Job

Listening = Callable[[], Awaitable[bool]]
"""Answers whether somebody still listens; asked whenever nothing has happened for a while."""


async def wait(job: Job, after: str, seconds: float, store: JobStore, listening: Listening) -> Job:
    """The job as it is when an event after the one with id `after` has ended it, after `seconds`, or when nobody
    listens any more.

    Where the store is out of reach it is the job as it was: who has posted it must learn its id, whatever can be said
    of it now.
    """
    try:
        async for event in store.follow(job.id, after, seconds):
            if event is None and not await listening():
                break
            if event is not None and event.name in ENDED:
                break
        return await store.get(job.id) or job
    except Unavailable:
        return job
