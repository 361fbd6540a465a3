"""Job records as a worker's guard needs them: leases, losses, and that the worker lives."""

from typing import Any, cast

from redis import Redis

from shared.jobs.keys import WORKERS
from shared.jobs.model import Loss, Move
from shared.jobs.moves import MOVE, Hold, move_args

# A worker that was silent for so long is struck off the list.
FORGOTTEN_SECONDS = 1500


class GuardStore:
    """The side of a worker's main process, synchronous. Its `redis` must fail fast: meanwhile it watches nothing."""

    def __init__(self, redis: Redis, *, lease_seconds: float) -> None:
        self._redis, self._lease = redis, lease_seconds
        self._move = redis.register_script(MOVE)

    def renew(self, hold: Hold) -> bool:
        """Keep the lease; False when the claim is no longer valid."""
        return bool(self._move(*move_args(hold, Move.REPORT, self._lease, {}, None)))

    def lose(self, hold: Hold, loss: Loss) -> bool:
        """The attempt is over; the sweep sees to the job at once."""
        return bool(self._move(*move_args(hold, Move.LOSE, 0, {"loss": str(loss)}, None)))

    def heard(self, worker: str) -> None:
        """Note that a worker lives."""
        seconds, _ = cast(Any, self._redis.time())
        self._redis.zadd(WORKERS, {worker: seconds})
        self._redis.zremrangebyscore(WORKERS, "-inf", seconds - FORGOTTEN_SECONDS)

    def gone(self, worker: str) -> None:
        """Note that a worker stopped."""
        self._redis.zrem(WORKERS, worker)
