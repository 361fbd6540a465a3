"""A WebSocket of the gateway: uvicorn's, with an end to all that a client can make long.

uvicorn answers pings and writes answers however much of them waits already, and keeps the pieces of a message however
many there are. Here a client that takes nothing is not read either, and what it sends is small: nobody listens to it.
"""

import functools
import logging
from collections.abc import Callable
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import CloseCode, Frame

from api import metrics
from api.server.stalled import Stalled

# What a client sends: nothing, or little that is passed over.
MESSAGE_BYTES = 4096
MESSAGE_PIECES = 16
PING_SECONDS = 20

log = logging.getLogger("huemill.sockets")
log.setLevel(logging.WARNING)  # uvicorn tells of each one that is accepted


class GuardedSocket(WebSocketsSansIOProtocol):
    """One connection, from the head of its upgrade on."""

    def __init__(self, *, stalled: Stalled, **uvicorn: Any) -> None:
        super().__init__(**uvicorn)
        self.logger = self.conn.logger = log
        self._stalled = stalled

    def start_keepalive(self) -> None:
        """It is accepted: nobody needs the heads any more."""
        super().start_keepalive()
        del self.request, self.response

    def connection_lost(self, exc: Exception | None) -> None:
        self._stalled.remove(self)
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._stalled.add(self)
        self.transport.pause_reading()  # else every ping would add its answer to what waits

    def resume_writing(self) -> None:
        super().resume_writing()
        self._stalled.remove(self)
        if not self.read_paused:
            self.transport.resume_reading()

    def cut(self) -> None:
        """End the connection of a reader that does not read, while others need the memory."""
        self._stalled.remove(self)
        metrics.cut.inc()
        self.transport.abort()

    def handle_cont(self, event: Frame) -> None:
        if len(self.frames) >= MESSAGE_PIECES:  # empty ones are of no size, and need memory all the same
            self.conn.fail(CloseCode.MESSAGE_TOO_BIG, "too many pieces")
            self.handle_parser_exception()
            return
        super().handle_cont(event)

    def shutdown(self) -> None:
        """The gateway stops: clients that are told so come back, to another one or to the next."""
        if not self.handshake_complete or self.close_sent:
            super().shutdown()
            return
        self.stop_keepalive()
        self.close_sent = True
        self.queue.put_nowait({"type": "websocket.disconnect", "code": CloseCode.GOING_AWAY})
        self.conn.send_close(CloseCode.GOING_AWAY, "the gateway stops")
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.transport.close()


def guarded(stalled: Stalled) -> Callable[..., GuardedSocket]:
    """Makes a connection for uvicorn."""
    return functools.partial(GuardedSocket, stalled=stalled)
