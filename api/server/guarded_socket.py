"""A WebSocket of the gateway: uvicorn's, with an end to all that a client can make long.

uvicorn answers pings and writes answers however much of them waits already, and keeps the pieces of a message however
many there are. Here a client that takes nothing is not read either, and what it sends is small: nobody listens to it.
"""

import functools
import logging
from collections.abc import Callable
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.datastructures import Headers
from websockets.frames import CloseCode, Frame
from websockets.http11 import Response

from api import metrics
from api.http.phrases import phrase
from api.http.problems import problem
from api.server.edge import API_POLICY, FIELDS
from api.server.stalled import Stalled
from shared.contract.errors import Internal, InvalidRequest, UpgradeRequired

# What a client sends: nothing, or little that is passed over.
MESSAGE_BYTES = 4096
MESSAGE_PIECES = 16
PING_SECONDS = 20
# What a handshake is refused for, by the status that the library gives it.
_CODES = {400: InvalidRequest.code, 405: "method_not_allowed", 426: UpgradeRequired.code}
_FIELDS = (*FIELDS, ("Content-Security-Policy", API_POLICY))
_RAW_FIELDS = [(name.encode(), value.encode()) for name, value in _FIELDS]
_VERSION = ("Sec-WebSocket-Version", "13")  # RFC 6455, section 4.4

log = logging.getLogger("huemill.sockets")
log.setLevel(logging.WARNING)  # uvicorn tells of each one that is accepted


class GuardedSocket(WebSocketsSansIOProtocol):
    """One connection, from the head of its upgrade on."""

    def __init__(self, *, stalled: Stalled, **uvicorn: Any) -> None:
        super().__init__(**uvicorn)
        self.logger = self.conn.logger = log
        conn: Any = self.conn
        conn.reject = _refusal
        self._stalled = stalled

    async def send(self, message: Any) -> None:
        if message["type"] == "websocket.http.response.start":  # of a refusal, to which uvicorn adds no fields
            message = {**message, "headers": [*message["headers"], *_RAW_FIELDS]}
        await super().send(message)
        if self.close_sent:  # by such a refusal too, which uvicorn would log as a defect of the application
            self.handshake_complete = True

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


def _refusal(status: int, text: str) -> Response:
    """Of what cannot become a WebSocket: in the words and with the fields of every other answer, not the library's."""
    code = _CODES.get(int(status), Internal.code)
    metrics.refused.labels(code).inc()
    answer = problem(int(status), code, text.partition("\n")[0])
    fields = [*answer.headers.items(), *_FIELDS, _VERSION, ("Connection", "close")]
    return Response(answer.status_code, phrase(answer.status_code), Headers(fields), bytes(answer.body))


def guarded(stalled: Stalled) -> Callable[..., GuardedSocket]:
    """Makes a connection for uvicorn."""
    return functools.partial(GuardedSocket, stalled=stalled)
