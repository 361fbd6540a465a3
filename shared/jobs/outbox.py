"""The outbox: deliveries as their senders need them, and as those do who ask what became of them.

Each host has an outbox of its own, so that who has thousands waiting for a receiver that hangs stands in nobody's way.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any, NamedTuple, cast

from redis.asyncio import Redis

from shared.contract.errors import UnreadableRecord
from shared.jobs.deliveries import EVENTS, KEPT_SECONDS, Delivery, DeliveryAttempt, DeliveryState, delivery_id
from shared.jobs.keys import DELIVERY_PREFIX, GIVEN_UP, OUTBOX, delivery_key, host_outbox_key
from shared.jobs.model import Job, now
from shared.runtime.connections import time_of
from shared.runtime.redis_errors import asks_redis

ATTEMPTS_KEPT = 50
_TAKE, _SETTLE, _REPLAY = (
    files("shared.jobs").joinpath(f"outbox_{name}.lua").read_text() for name in ("take", "settle", "replay")
)
_ATTEMPT = "attempt:"


class OutboxOverview(NamedTuple):
    """What waits to be told, and what could not be."""

    late_seconds: float
    """By which the first delivery that is due is late; 0 where none is."""
    given_up: int
    """Within the last week."""


class OutboxStore:
    """All that is done with deliveries once a job's move has written them, asynchronous."""

    def __init__(self, redis: Redis, *, lease_seconds: float) -> None:
        """`lease_seconds`: after so long a delivery that is being sent is sent again, by whoever comes first."""
        self._redis, self._lease = redis, lease_seconds
        self._take, self._settle, self._replay = (redis.register_script(text) for text in (_TAKE, _SETTLE, _REPLAY))

    @asks_redis
    async def due_hosts(self, most: int) -> list[str]:
        """Hosts for which a delivery is due, who waits longest first."""
        until = str(await time_of(self._redis))
        found = await self._redis.zrange(OUTBOX, "-inf", until, byscore=True, offset=0, num=most)
        return [cast(bytes, host).decode(errors="replace") for host in found]

    @asks_redis
    async def take(self, host: str) -> Delivery | None:
        """A delivery to this host that is due, now this caller's to send; None where there is none."""
        begun = DeliveryAttempt(at=now()).model_dump_json()
        args: list[str | int | float] = [host, self._lease, begun, ATTEMPTS_KEPT, DELIVERY_PREFIX]
        answer = await self._take([OUTBOX, host_outbox_key(host)], args)
        if not answer:
            return None
        found, *pairs = cast(list[bytes], answer)
        return _delivery(found.decode(), dict(zip(pairs[::2], pairs[1::2], strict=True)), None)

    @asks_redis
    async def settle(
        self, delivery: Delivery, attempt: DeliveryAttempt, state: DeliveryState, pause: float = 0
    ) -> bool:
        """Write down what became of the attempt, and what follows: where the delivery waits, in `pause` seconds.

        False where somebody else has it by now, or its job was deleted.
        """
        keys = _keys(delivery.id, delivery.host)
        fence: list[str | int | float] = [delivery.id, delivery.host, delivery.claim]
        args = [*fence, attempt.model_dump_json(), str(state), pause, int(KEPT_SECONDS)]
        return bool(await self._settle(keys, args))

    @asks_redis
    async def deliveries(self, job: Job) -> list[Delivery]:
        """What is, was or will be told of the job. Raises UnreadableRecord."""
        if job.callback is None:
            return []
        ids = [delivery_id(job.id, event) for event in EVENTS]
        async with self._redis.pipeline(transaction=False) as pipe:  # a full Redis refuses all transactions
            for each in ids:
                pipe.hgetall(delivery_key(each))
                pipe.zscore(host_outbox_key(job.callback.host), each)
            answers = await pipe.execute()
        found = zip(ids, answers[::2], answers[1::2], strict=True)
        made = [_delivery(each, fields, due) for each, fields, due in found if fields]
        return sorted(made, key=lambda delivery: delivery.created_at)

    @asks_redis
    async def replay(self, delivery: Delivery) -> bool:
        """Let it be made again from its first attempt on; False where it is not there any more."""
        keys = _keys(delivery.id, delivery.host)
        return bool(await self._replay(keys, [delivery.id, delivery.host]))

    @asks_redis
    async def overview(self) -> OutboxOverview:
        """How far all of it is."""
        at = await time_of(self._redis)
        async with self._redis.pipeline(transaction=False) as pipe:
            pipe.zrange(OUTBOX, 0, 0, withscores=True)
            pipe.zcount(GIVEN_UP, at - KEPT_SECONDS, "inf")
            first, given_up = await pipe.execute()
        return OutboxOverview(max(0.0, at - first[0][1]) if first else 0.0, given_up)


def _keys(delivery_id: str, host: str) -> list[str]:
    return [delivery_key(delivery_id), OUTBOX, host_outbox_key(host), GIVEN_UP]


def _delivery(found: str, fields: Mapping[bytes, bytes], due: float | None) -> Delivery:
    """Raises UnreadableRecord."""
    at = None if due is None else datetime.fromtimestamp(due, UTC)
    try:
        values: dict[str, Any] = {name.decode(): text.decode() for name, text in fields.items()}
        noted = sorted((int(name[len(_ATTEMPT) :]), text) for name, text in values.items() if name.startswith(_ATTEMPT))
        made = [DeliveryAttempt.model_validate_json(text) for _, text in noted]
        return Delivery.model_validate({**values, "id": found, "due_at": at, "attempts": made})
    except ValueError as error:
        raise UnreadableRecord(f"The delivery {found} is of another version, or broken.") from error
