"""The sender: takes what is due from the outbox and makes it, in every gateway.

A delivery is taken with a lease. A gateway that dies with it leaves it to the others: it arrives at least once, and has
the same id each time. Each host has a few lanes, in each of which one delivery is made after the other, so that a
receiver that hangs holds its own lanes and nobody else's.
"""

import asyncio
import logging
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from api import metrics
from api.callbacks.message import body_of
from api.callbacks.post import GONE, Answer, Poster
from api.upkeep.failures import Failures
from shared.contract.errors import UnreadableRecord
from shared.contract.webhooks import key_of, signed_headers
from shared.jobs.clients import JobStore
from shared.jobs.deliveries import SCHEDULE, Delivery, DeliveryAttempt, DeliveryState, pause_before
from shared.jobs.model import Job
from shared.jobs.outbox import OutboxStore
from shared.runtime.logs import bound

# What a gateway has under way at the same time, and to one host.
MAX_SENDING = 256
MAX_SENDING_TO_HOST = 8
# Longer than an attempt takes with all that belongs to it.
LEASE_SECONDS = 30.0
EVERY_SECONDS = 0.25

SignedWith = Callable[[str], Awaitable[Sequence[str]]]
"""The secrets for the jobs of an owner; none where there are none, any more or yet."""
Describe = Callable[[Job], Awaitable[dict[str, Any]]]
"""The job as a client sees it."""

log = logging.getLogger("huemill.callbacks")


class Sender:
    """Makes deliveries, to many hosts side by side."""

    NAME = "callbacks"

    def __init__(
        self,
        outbox: OutboxStore,
        jobs: JobStore,
        poster: Poster,
        describe: Describe,
        failures: Failures,
        *,
        secrets: SignedWith,
        schedule: tuple[float, ...] = SCHEDULE,
    ) -> None:
        """`schedule`: the seconds before each attempt."""
        self._outbox, self._jobs, self._poster, self._describe = outbox, jobs, poster, describe
        self._failures, self._secrets, self._schedule = failures, secrets, schedule
        self._lanes: Counter[str] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()
        self._giving_way = False  # a lane has ended for others, who come with the next round

    async def send(self) -> None:
        """Begin what is due. Who has the fewest lanes comes first: then who has waited longest."""
        # More than there can be lanes: hosts that have all of theirs do not hide the others.
        due = await self._outbox.due_hosts(2 * MAX_SENDING)
        self._giving_way = False
        for host in sorted(due, key=lambda host: self._lanes[host]):
            self._open_lane(host)

    async def close(self) -> None:
        """End all lanes. What they were about to send is sent by another gateway when their leases end."""
        while self._tasks:
            for task in self._tasks:
                task.cancel()  # more than once: redis-py may swallow it (see Supervisor.stop)
            await asyncio.wait(self._tasks, timeout=0.2)

    @property
    def _crowded(self) -> bool:
        return len(self._tasks) >= MAX_SENDING

    def _open_lane(self, host: str) -> None:
        if not self._crowded and self._lanes[host] < MAX_SENDING_TO_HOST:
            self._lanes[host] += 1
            task = asyncio.create_task(self._lane(host), name=f"callbacks to {host}")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _lane(self, host: str) -> None:
        """Make one delivery after the other, until none is due, or until others wait for a lane."""
        try:
            with self._failures.contained(self.NAME):
                while (delivery := await self._outbox.take(host)) is not None:
                    if not self._giving_way:
                        self._open_lane(host)  # there may be more
                    await self._make(delivery)
                    if self._crowded:
                        self._giving_way = True  # or the host's other lanes take the place that is free now
                        return
        finally:
            self._lanes -= Counter({host: 1})

    async def _make(self, delivery: Delivery) -> None:
        """Make one attempt, and write down what became of it."""
        with bound(job_id=delivery.job_id):
            answer = await self._answer(delivery)
            await self._settle(delivery, answer, *self._next(delivery, answer))

    async def _answer(self, delivery: Delivery) -> Answer:
        """What the receiver says; or why there is nothing to be sent."""
        if delivery.tries > len(self._schedule):
            return Answer(None, "lost", 0.0)  # its sender was, each time
        try:
            job = await self._jobs.get(delivery.job_id)
        except UnreadableRecord as error:
            self._failures.unreadable("job", delivery.job_id, error)
            return Answer(None, "unreadable", 0.0)
        if job is None:
            return Answer(None, GONE, 0.0)
        if job.callback is None:
            return Answer(None, "unreadable", 0.0)  # of a later version, which will come to it
        keys = [key_of(secret) for secret in await self._secrets(job.owner)]
        if not keys:
            return Answer(None, "unsigned", 0.0)
        body = body_of(delivery.event, delivery.created_at, await self._describe(job))
        signed = signed_headers(keys, delivery.id, int(time.time()), body)
        return await self._poster.post(job.callback.url, {"Content-Type": "application/json", **signed}, body)

    def _next(self, delivery: Delivery, answer: Answer) -> tuple[DeliveryState, float]:
        """The state that follows on an attempt, and the seconds until the next one."""
        if answer.error is None:
            return DeliveryState.DELIVERED, 0.0
        pause = pause_before(delivery.tries, self._schedule, random.random(), answer.retry_after)
        if answer.error == GONE or pause is None:
            return DeliveryState.GIVEN_UP, 0.0
        return DeliveryState.WAITING, pause

    async def _settle(self, delivery: Delivery, answer: Answer, state: DeliveryState, pause: float) -> None:
        metrics.callback_seconds.labels(answer.error or state).observe(answer.seconds)
        if answer.error is not None:
            log.info("the callback to %s: %s %s", delivery.host, answer.error, answer.status or "")
        begun = delivery.attempts[-1]
        attempt = DeliveryAttempt(at=begun.at, status=answer.status, error=answer.error, seconds=answer.seconds)
        if await self._outbox.settle(delivery, attempt, state, pause) and state is DeliveryState.GIVEN_UP:
            metrics.callbacks_given_up.inc()
            log.warning("the callback to %s is given up after %d attempts", delivery.host, delivery.tries)
