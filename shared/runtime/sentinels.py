"""Connections to the server that Sentinels name: redis-py's, mended in three places.

It asks the Sentinels whenever it makes a connection, but not when it makes one anew in the middle of a command: that
goes to the same server for as long as there are tries left, and where that server is silent rather than gone, for
minutes (redis-py 8.1, `send_packed_command`). It leaves its connections to the Sentinels open when its pool closes. And
where none knows a server it says so in some thousand words, with all options of each connection.
"""

from collections.abc import Iterable
from typing import Any

from redis.asyncio.sentinel import MasterNotFoundError as AsyncMasterNotFoundError
from redis.asyncio.sentinel import Sentinel as AsyncSentinel
from redis.asyncio.sentinel import SentinelConnectionPool as AsyncSentinelPool
from redis.asyncio.sentinel import SentinelManagedConnection as AsyncManaged
from redis.asyncio.sentinel import SentinelManagedSSLConnection as AsyncManagedTls
from redis.sentinel import (
    MasterNotFoundError,
    Sentinel,
    SentinelConnectionPool,
    SentinelManagedConnection,
    SentinelManagedSSLConnection,
)

from shared.runtime.async_connections import Telling

_NOT_FOUND = "No Sentinel answers that knows a server %r which is up."


class NamedSentinels(Sentinel):
    """For those who block."""

    def discover_master(self, service_name: str) -> Any:
        try:
            return super().discover_master(service_name)  # type: ignore[no-untyped-call]
        except MasterNotFoundError:
            raise MasterNotFoundError(_NOT_FOUND % service_name) from None


class AsyncNamedSentinels(AsyncSentinel):
    """For those who do not."""

    async def discover_master(self, service_name: str) -> Any:
        try:
            return await super().discover_master(service_name)
        except AsyncMasterNotFoundError:
            raise AsyncMasterNotFoundError(_NOT_FOUND % service_name) from None


class _Asking(SentinelManagedConnection):
    def send_packed_command(self, command: Any, check_health: bool = True) -> None:
        if not self.is_connected:
            self.connect()  # type: ignore[no-untyped-call]
        super().send_packed_command(command, check_health)  # type: ignore[no-untyped-call]


class _AskingTls(_Asking, SentinelManagedSSLConnection):
    pass


class Pool(SentinelConnectionPool):
    """For those who block."""

    def __init__(self, service_name: str, sentinel_manager: Any, *, ssl: bool = False, **options: Any) -> None:
        kind = _AskingTls if ssl else _Asking
        super().__init__(service_name, sentinel_manager, connection_class=kind, **options)  # type: ignore[no-untyped-call]

    def disconnect(self, inuse_connections: bool = True) -> None:
        super().disconnect(inuse_connections)
        if inuse_connections:  # it is closed, not merely led to another server
            for sentinel in self.sentinel_manager.sentinels:
                sentinel.close()


class _AsyncAsking(Telling, AsyncManaged):
    async def send_packed_command(self, command: bytes | str | Iterable[bytes], check_health: bool = True) -> None:
        if not self.is_connected:
            await self.connect()  # type: ignore[no-untyped-call]
        await super().send_packed_command(command, check_health)


class _AsyncAskingTls(_AsyncAsking, AsyncManagedTls):
    pass


class AsyncPool(AsyncSentinelPool):
    """For those who do not."""

    def __init__(self, service_name: str, sentinel_manager: Any, *, ssl: bool = False, **options: Any) -> None:
        kind = _AsyncAskingTls if ssl else _AsyncAsking
        super().__init__(service_name, sentinel_manager, connection_class=kind, **options)  # type: ignore[no-untyped-call]

    async def disconnect(self, inuse_connections: bool = True) -> None:
        await super().disconnect(inuse_connections)
        if inuse_connections:
            await self.sentinel_manager.aclose()
