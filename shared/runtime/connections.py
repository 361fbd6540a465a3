"""Connections to Redis: how long each side waits for it, and how often it tries again."""

from typing import Any, cast

import redis
from redis import DriverInfo, Redis
from redis.asyncio import Redis as AsyncRedis
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import ExponentialBackoff, NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.retry import Retry

from shared.runtime.settings import Settings

# A read that blocks does so for this long at most.
BLOCK_MS = 2000
# Of who listens without an end, for this long: the fewer reads find nothing, the more can listen.
LISTEN_MS = 10_000
# Longer than the first, shorter than the 5 s within which a gateway must say that Redis is gone.
SOCKET_SECONDS = 3.5
# While it waits for Redis a guard sees nothing else.
GUARD_SOCKET_SECONDS = 1.0
# Everyone who waits or listens holds one; redis-py would refuse the hundred-and-first, Redis itself the 10,000th.
MAX_CONNECTIONS = 4000
DRIVER = DriverInfo(lib_version=redis.__version__)


def _options() -> dict[str, Any]:
    return {
        "socket_timeout": SOCKET_SECONDS,
        "socket_connect_timeout": 1.5,
        "socket_keepalive": True,
        "health_check_interval": 10,
        "retry_on_error": [RedisConnectionError],
        # Else redis-py looks its own version up in the package's metadata, a millisecond for each connection.
        "driver_info": DRIVER,
    }


def gateway(settings: Settings) -> AsyncRedis:
    """The gateway's connections, for all that it keeps in Redis."""
    # One more try after a broken connection, none after a silence: that would take longer than a client waits.
    retry = AsyncRetry(ExponentialBackoff(0.5, 0.05), 1, supported_errors=(RedisConnectionError,))
    return AsyncRedis.from_url(_url(settings), retry=retry, max_connections=MAX_CONNECTIONS, **_options())


def listener(settings: Settings) -> AsyncRedis:
    """The gateway's too, for those who listen: however many they are, they leave the other connections to others."""
    options = {**_options(), "socket_timeout": LISTEN_MS / 1000 + SOCKET_SECONDS}
    retry = AsyncRetry(NoBackoff(), 0)
    return AsyncRedis.from_url(_url(settings), retry=retry, max_connections=MAX_CONNECTIONS, **options)


def retrying(settings: Settings) -> Redis:
    """A worker's: it tries again for long enough to wait out a short absence of Redis, for what it has computed."""
    return Redis.from_url(_url(settings), retry=Retry(ExponentialBackoff(2, 0.1), 12), **_options())


def failing_fast(settings: Settings) -> Redis:
    """A worker's too: what is said again soon need not be waited for."""
    return Redis.from_url(_url(settings), retry=Retry(NoBackoff(), 0), **_options())


def guard(settings: Settings) -> Redis:
    """A guard's: it never waits for long."""
    options = {**_options(), "socket_timeout": GUARD_SOCKET_SECONDS}
    return Redis.from_url(_url(settings), retry=Retry(NoBackoff(), 0), **options)


async def time_of(redis: AsyncRedis) -> float:
    """Redis' own clock, in seconds since 1970: the one that every deadline is by."""
    seconds, microseconds = await cast(Any, redis.time())
    return float(seconds) + float(microseconds) / 1e6


def _url(settings: Settings) -> str:
    return settings.redis_url.get_secret_value()
