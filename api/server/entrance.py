"""The listening socket, and who stands before it.

uvloop takes one new connection in each round of its loop. While a crowd comes in and rounds are long, all others would
stand behind it for seconds; so whenever one has come, others that wait are taken in too.
"""

import asyncio
import logging
import socket
from collections.abc import Callable

# More in one round would make it long itself.
AT_ONCE = 32

log = logging.getLogger("huemill.api")


def listening_socket(host: str, port: int, stall_seconds: float) -> socket.socket:
    """A socket bound to an address; its connections inherit its options. Ends the process where it cannot be."""
    listening = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    # Who takes nothing for so long, of whatever answer, is cut off by the kernel: it knows best what was taken.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(1000 * stall_seconds))
    # The kernel may hold megabytes for a reader that does not read; so much is enough to keep others busy.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, 2**15)
    try:
        listening.bind((host, port))
    except OSError as error:
        log.error("cannot listen at %s, port %d: %s", host, port, error.strerror)
        raise SystemExit(1) from None
    listening.setblocking(False)
    log.info("listens at %s, port %d", host, listening.getsockname()[1])
    return listening


class Entrance:
    """Takes in who waits before a listening socket."""

    def __init__(self, listening: socket.socket) -> None:
        self._listening = listening
        self._coming: set[asyncio.Task[object]] = set()

    def look(self, connection: Callable[[], asyncio.Protocol]) -> None:
        """Take in some of those who wait, each with a new `connection`."""
        loop = asyncio.get_running_loop()
        for _ in range(AT_ONCE):
            try:
                accepted, _ = self._listening.accept()
            except OSError:  # nobody waits; or there is no room for more files, which uvloop sees to
                return
            coming = loop.create_task(loop.connect_accepted_socket(connection, accepted))
            self._coming.add(coming)
            coming.add_done_callback(self._coming.discard)
