"""redis-py's connections for who does not block, mended in one place.

Under uvloop, writing to a connection that has just been closed by the other side is a RuntimeError, which redis-py 8.1
takes for a defect: it neither tries again nor calls it one of its own errors.
"""

from collections.abc import Iterable

from redis.asyncio.connection import AbstractConnection, Connection, SSLConnection
from redis.exceptions import ConnectionError as RedisConnectionError


class Telling(AbstractConnection):
    """Tells a connection that is closed as redis-py tells one that breaks."""

    async def send_packed_command(self, command: bytes | str | Iterable[bytes], check_health: bool = True) -> None:
        try:
            await super().send_packed_command(command, check_health)
        except RuntimeError as error:
            if "handler is closed" not in str(error):
                raise
            raise RedisConnectionError("The connection was closed by the server.") from error


class Plain(Telling, Connection):
    """Without TLS."""


class Tls(Telling, SSLConnection):
    """With TLS."""
