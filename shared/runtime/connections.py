"""Connections to Redis: where it is, how long each side waits for it, and how often it tries again.

The only place where any are made; also what Celery is told so that it makes its own.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple, cast

import redis
from redis import DriverInfo, Redis
from redis.asyncio import BlockingConnectionPool
from redis.asyncio import Redis as AsyncRedis
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import ExponentialBackoff, NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.retry import Retry

from shared.runtime import async_connections
from shared.runtime.redis_address import RedisAddress
from shared.runtime.sentinels import AsyncNamedSentinels, AsyncPool, NamedSentinels, Pool
from shared.runtime.settings import Settings

# Shorter than the 5 s within which a gateway must say that Redis is gone.
SOCKET_SECONDS = 3.5
CONNECT_SECONDS = 1.5
# Each Sentinel is asked in turn, so three that are silent are still found out within the same 5 s, tried twice.
SENTINEL_SECONDS = 0.5
# While it waits for Redis a guard sees nothing else.
GUARD_SOCKET_SECONDS = 1.0
# Celery's reads block by themselves.
BROKER_SOCKET_SECONDS = 5.0
# Of a gateway: each question that is not answered yet holds one, and more questions wait. A connection takes 50 kB here
# and more there, and a crowd that comes in at once would open one each.
MAX_CONNECTIONS = 32
# Behind Sentinels redis-py has no pool that waits: it would refuse who comes then.
MAX_CONNECTIONS_BEHIND_SENTINELS = 1000
OLDEST_REDIS = 7  # which knows scripts that begin with `#!lua`
DRIVER = DriverInfo(lib_version=redis.__version__)


class WrongServer(Exception):
    """What answers at HUEMILL_REDIS_URL is no Redis that huemill can work on; the message says why, in a sentence."""


def gateway(settings: Settings) -> AsyncRedis:
    """The gateway's connections, for all that it keeps in Redis."""
    # One more try after a broken connection, none after a silence: that would take longer than a client waits.
    retry = AsyncRetry(ExponentialBackoff(0.5, 0.05), 1, supported_errors=(RedisConnectionError,))
    return _async_client(_address(settings), retry=retry)


def retrying(settings: Settings) -> Redis:
    """A worker's: it tries again for long enough to wait out a short absence of Redis, for what it has computed."""
    return _client(_address(settings), retry=Retry(ExponentialBackoff(2, 0.1), 12))


def failing_fast(settings: Settings) -> Redis:
    """A worker's too: what is said again soon need not be waited for."""
    return _client(_address(settings), retry=Retry(NoBackoff(), 0))


def guard(settings: Settings) -> Redis:
    """A guard's: it never waits for long."""
    return _client(_address(settings), retry=Retry(NoBackoff(), 0), socket_timeout=GUARD_SOCKET_SECONDS)


class Broker(NamedTuple):
    """Celery's settings of these names, each after `broker_`."""

    url: str
    use_ssl: dict[str, Any] | bool
    transport_options: dict[str, Any]


def broker(settings: Settings) -> Broker:
    """The same Redis as Celery's broker."""
    address = _address(settings)
    options: dict[str, Any] = {
        "socket_timeout": BROKER_SOCKET_SECONDS,
        "socket_connect_timeout": CONNECT_SECONDS,
        "socket_keepalive": True,
        "health_check_interval": 10,
    }
    if address.master_name is not None:
        options |= {"master_name": address.master_name, "sentinel_kwargs": _to_sentinels(address, Retry)}
    return Broker(address.broker_url, False if address.tls is None else dict(address.tls), options)


def check(settings: Settings) -> None:
    """Raises WrongServer where a server of another kind answers, and RedisError where none does, or lets nobody in."""
    with failing_fast(settings) as client:
        check_server(cast(dict[bytes, Any], client.execute_command("HELLO")))


def check_server(hello: Mapping[bytes, Any]) -> None:
    """Raises WrongServer by what a server says of itself (HELLO)."""
    version, mode = hello.get(b"version", b"").decode(errors="replace"), hello.get(b"mode")
    major = version.partition(".")[0]
    if major.isdecimal() and int(major) < OLDEST_REDIS:
        raise WrongServer(
            f"The Redis of HUEMILL_REDIS_URL is version {version}, which cannot be used: it takes Redis "
            f"{OLDEST_REDIS}.0 or newer, or Valkey."
        )
    if mode == b"cluster":
        raise WrongServer(
            "The Redis of HUEMILL_REDIS_URL is in cluster mode, which cannot be used: one move changes several keys, "
            "which must be on one server."
        )
    if mode == b"sentinel":
        raise WrongServer(
            "HUEMILL_REDIS_URL leads to a Sentinel: write sentinel://HOST:PORT,HOST:PORT/0?master_name=NAME."
        )


def check_if_there(settings: Settings) -> None:
    """The same for who can start without Redis, and waits for it."""
    try:
        check(settings)
    except RedisError:
        return


def _address(settings: Settings) -> RedisAddress:
    return RedisAddress.parse(settings.redis_url.get_secret_value())


def _options(address: RedisAddress, retry: AsyncRetry | Retry, own: dict[str, Any]) -> dict[str, Any]:
    return {
        "db": address.db,
        "username": address.username,
        "password": address.password,
        "socket_timeout": SOCKET_SECONDS,
        "socket_connect_timeout": CONNECT_SECONDS,
        "socket_keepalive": True,
        "health_check_interval": 10,
        "retry": retry,
        "retry_on_error": [RedisConnectionError],
        # Else redis-py looks its own version up in the package's metadata, a millisecond for each connection.
        "driver_info": DRIVER,
        **_tls(address),
        **own,
    }


def _tls(address: RedisAddress) -> dict[str, Any]:
    return {} if address.tls is None else {"ssl": True, **address.tls}


def _to_sentinels(address: RedisAddress, kind: type[AsyncRetry] | type[Retry]) -> dict[str, Any]:
    # One that does not answer is passed over for the next: who asks has tries of its own.
    return {
        "retry": kind(NoBackoff(), 0),
        "username": address.sentinel_username,
        "password": address.sentinel_password,
        "socket_timeout": SENTINEL_SECONDS,
        "socket_connect_timeout": SENTINEL_SECONDS,
        "driver_info": DRIVER,
        **_tls(address),
    }


def _client(address: RedisAddress, *, retry: Retry, **own: Any) -> Redis:
    options = _options(address, retry, own)
    if address.master_name is None:
        host, port = address.hosts[0]
        return Redis(host=host, port=port, **options)
    sentinel = NamedSentinels(address.hosts, sentinel_kwargs=_to_sentinels(address, Retry))  # type: ignore[no-untyped-call]
    return cast(Redis, sentinel.master_for(address.master_name, connection_pool_class=Pool, **options))  # type: ignore[no-untyped-call]


def _async_client(address: RedisAddress, *, retry: AsyncRetry, **own: Any) -> AsyncRedis:
    options = _options(address, retry, own)
    if address.master_name is None:
        host, port = address.hosts[0]
        kind = async_connections.Tls if options.pop("ssl", False) else async_connections.Plain
        options |= {"connection_class": kind, "host": host, "port": port}
        return AsyncRedis.from_pool(BlockingConnectionPool(MAX_CONNECTIONS, int(SOCKET_SECONDS), **options))
    sentinel = AsyncNamedSentinels(address.hosts, sentinel_kwargs=_to_sentinels(address, AsyncRetry))  # type: ignore[no-untyped-call]
    options["max_connections"] = MAX_CONNECTIONS_BEHIND_SENTINELS
    return cast(AsyncRedis, sentinel.master_for(address.master_name, connection_pool_class=AsyncPool, **options))


async def time_of(redis: AsyncRedis) -> float:
    """Redis' own clock, in seconds since 1970: the one that every deadline is by."""
    seconds, microseconds = await cast(Any, redis.time())
    return float(seconds) + float(microseconds) / 1e6
