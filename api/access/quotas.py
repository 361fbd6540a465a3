"""What a caller may still use. Whatever has no room is refused, and then nothing was taken."""

import math

from api import metrics
from api.access.caller import Caller
from shared.access.quotas import Answer, QuotaStore
from shared.contract.errors import QuotaExceeded

# Jobs that wait end when workers come to them, and nobody knows when.
QUEUED_SECONDS = 5.0


class Quotas:
    """Takes for callers, and notes what is left for them to be told."""

    def __init__(self, store: QuotaStore) -> None:
        self._store = store

    async def take_request(self, caller: Caller) -> None:
        """Raises QuotaExceeded."""
        if caller.limits.requests is not None:
            _note(caller, await self._store.take_request(caller.owner, caller.limits))

    async def check_room(self, caller: Caller) -> None:
        """To be asked before an image is read: raises QuotaExceeded where a job could not be taken in any case."""
        if caller.limits.of_jobs:
            _note(caller, await self._store.look(caller.owner, caller.limits))

    async def take_job(self, caller: Caller, job_id: str, pixels: int) -> None:
        """Raises QuotaExceeded."""
        if caller.limits.of_jobs:
            _note(caller, await self._store.take_job(caller.owner, caller.limits, job_id, pixels), pixels)

    async def give_back(self, caller: Caller, job_id: str, pixels: int, *, waits: bool = False) -> None:
        """Nothing is computed for the job: its pixels are free again; so is its place, unless it `waits`. The caller
        is told what is left with them.
        """
        if caller.limits.of_jobs:
            await self._store.give_back(caller.owner, caller.limits, job_id, pixels, waits=waits)
            _keep(caller, await self._store.look(caller.owner, caller.limits))


def _note(caller: Caller, answer: Answer, pixels: int = 1) -> None:
    _keep(caller, answer)
    if answer.violated is None:
        return
    metrics.quotas_exceeded.labels(answer.violated).inc()
    standing = caller.standings[answer.violated]
    if answer.violated == "pixels" and pixels > (caller.limits.pixels_per_hour or 0):
        caller.standings["pixels"] = standing._replace(seconds=None)
        raise QuotaExceeded(_never(caller, pixels), "pixels", None)
    seconds = standing.seconds or QUEUED_SECONDS
    raise QuotaExceeded(_detail(caller, answer.violated, seconds), answer.violated, seconds)


def _keep(caller: Caller, answer: Answer) -> None:
    for standing in answer.standings:
        caller.standings[standing.policy] = standing


def _never(caller: Caller, pixels: int) -> str:
    most = caller.limits.pixels_per_hour
    return (
        f"The image has {pixels:,} pixels, and this key may have {most:,} clustered in an hour: "
        "it never has room for this one. Send a smaller image."
    )


def _detail(caller: Caller, policy: str, seconds: float) -> str:
    limits, again = caller.limits, f"Try again in {math.ceil(seconds)} s."
    if policy == "requests" and limits.requests is not None:
        return f"This key may make {limits.requests.count:,} requests in {limits.requests.seconds:,} s. {again}"
    if policy == "queued":
        return f"This key may have {limits.max_queued:,} jobs waiting at a time. Try again when some are done."
    return f"This key may have {limits.pixels_per_hour:,} pixels clustered in an hour. {again}"
