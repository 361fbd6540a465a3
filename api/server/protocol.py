"""A connection of the gateway: uvicorn's, with an end to all that a client can make long.

uvicorn hands every byte to its parser and waits for as long as it takes. Here a request's head has a size, a number of
fields and a time in which it must have come; so has all that brings no request further (trailers, extensions of chunks,
empty lines). What cannot become a request is answered by a problem document, and the connection is closed.

A reader that takes nothing for too long is cut off by the kernel (see `api.server.entrance`), or sooner if
there are many of them.
"""

import asyncio
import functools
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from api import metrics
from api.http.problems import STATUS, problem
from api.server.admission import Admission
from api.server.edge import API_POLICY
from api.server.entrance import Entrance
from api.server.stalled import Stalled
from api.server.unchunked import unchunked
from shared.contract.errors import (
    AddressTooLong,
    HeadStalled,
    HeadTooLarge,
    HuemillError,
    InvalidRequest,
    TooManyConnections,
    UnsupportedEncoding,
)

# The parser gets so much at a time, and in between it is seen what it holds.
PIECE_BYTES = 2**14
# A client that still sends when it is answered would never see the answer if its connection were closed at once: what
# it sends makes the network forget it. So much, and for so long, is read and thrown away.
LINGER_BYTES = 2**23
LINGER_SECONDS = 2.0
LINGER_PAUSE_SECONDS = 0.01
# Beside what the kernel holds for each reader, who may be slow.
WRITE_BUFFER_BYTES = 2**14
# Requests that may wait for the answer to one before them. No client is known that sends more than a few.
MOST_PIPELINED = 16
_AUTHORITY = re.compile(rb"[A-Za-z][A-Za-z0-9+.-]*://([^/?#]*)")
# What may become a WebSocket; elsewhere an upgrade is a wish, and is passed over.
_SOCKET = re.compile(rb"[^?]*/v1/jobs/[^/?]+/ws(\?.*)?")
# Also what is empty: then the client asks for nobody in particular.
_HOST = re.compile(rb"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~%!$&'()*+,;=-]*)(:[0-9]*)?")


@dataclass(frozen=True)
class Limits:
    """What the head of a request may be, and how long it may take."""

    head_bytes: int
    address_bytes: int
    fields: int
    head_seconds: float


class GuardedProtocol(HttpToolsProtocol):
    """One connection."""

    def __init__(
        self, *, limits: Limits, admission: Admission, stalled: Stalled, entrance: Entrance | None, **uvicorn: Any
    ) -> None:
        """`entrance`: where to look for others who wait; None for one who was found there."""
        super().__init__(**uvicorn)
        self._limits, self._admission, self._stalled = limits, admission, stalled
        if entrance is not None:
            ours: dict[str, Any] = {"limits": limits, "admission": admission, "stalled": stalled}
            entrance.look(functools.partial(GuardedProtocol, entrance=None, **ours, **uvicorn))
        self._who: str | None = None
        self._head_timer: asyncio.TimerHandle | None = None
        self._linger_timer: asyncio.TimerHandle | None = None
        self.headers, self.url = [], b""
        # Between a request's end and the end of the next one's head; and whether that head has begun.
        self._before_body, self._begun = True, False
        # Bytes since anything came that counts: a head's end, a piece of a body, a request's end.
        self._idle_bytes = 0
        # How much more is read of what nobody wants: the rest of a body that is answered; all that follows a refusal.
        self._patience = LINGER_BYTES
        self._deaf = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        transport.set_write_buffer_limits(WRITE_BUFFER_BYTES)
        self._lingering = _Lingering(transport, self.part)
        self._who = self._admission.enter(self.client[0] if self.client else "")
        if self._who is None:
            self._write(TooManyConnections("The gateway has as many connections as it takes. Try again soon."))
            transport.close()
            return
        # Until the first byte of a head comes; later `on_response_complete` sets the next one.
        self.timeout_keep_alive_task = self.loop.call_later(self._limits.head_seconds, self.timeout_keep_alive_handler)

    def connection_lost(self, exc: Exception | None) -> None:
        self._leave(exc)
        super().connection_lost(exc)

    def _leave(self, exc: Exception | None) -> None:
        """Nothing is counted, waited for or timed any more of a connection that is lost."""
        if self._who is not None:
            self._admission.leave(self._who)
            self._who = None
        self._stalled.remove(self)
        if isinstance(exc, TimeoutError):
            metrics.cut.inc()
        for timer in (self._head_timer, self._linger_timer, self.timeout_keep_alive_task):
            if timer is not None:
                timer.cancel()

    def data_received(self, data: bytes) -> None:
        for begin in range(0, len(data), PIECE_BYTES):
            if self._deaf:
                self._throw_away(len(data) - begin)
                return
            try:
                self._feed(data[begin : begin + PIECE_BYTES])
            except HuemillError as error:
                self._refuse(error)
        if self._begun and self._head_timer is None and not self._deaf:
            self._head_timer = self.loop.call_later(self._limits.head_seconds, self._head_stalled)

    def _feed(self, piece: bytes) -> None:
        """Let the parser have a piece. Raises a HuemillError if no request can come of it."""
        self._idle_bytes += len(piece)
        try:
            self.parser.feed_data(piece)
        except httptools.HttpParserUpgrade as upgrade:
            if self._should_upgrade():
                self.handle_websocket_upgrade()
            else:
                self._pass_over_upgrade(piece[upgrade.args[0] :])
        except httptools.HttpParserError as error:
            if isinstance(error.__context__, HuemillError):
                raise error.__context__ from None
            raise InvalidRequest(f"This is not HTTP/1.1: {error}") from None
        if self._idle_bytes > self._limits.head_bytes and not self._begun:
            raise InvalidRequest(f"{self._idle_bytes:,} bytes came that are neither of a head nor of a body.")
        self._check_head(self._idle_bytes)

    def _pass_over_upgrade(self, rest: bytes) -> None:
        """Go on in HTTP/1.1 with a request that would rather be of another protocol (RFC 9110, section 7.8).

        The parser takes what follows such a head for the other protocol, and would lose the body; so it begins anew,
        and is not told of the wish. Java's HttpClient and `curl --http2` have it at every first request.
        """
        fields = b"".join(b"%b: %b\r\n" % field for field in self.headers if field[0] != b"upgrade")
        line = self.parser.get_method(), self.url, self.parser.get_http_version().encode()
        self.parser = httptools.HttpRequestParser(self)
        self._feed(b"%b %b HTTP/%b\r\n" % line + fields + b"\r\n")
        self._feed(rest)

    def _check_head(self, size: int) -> None:
        """Refuse a head, whole or begun, of `size` bytes; or trailers, which are fields too."""
        most = self._limits
        if len(self.url) > most.address_bytes:
            raise AddressTooLong(
                f"The address is longer than {most.address_bytes:,} bytes. "
                "Send the parameters in the body: as the part `params` of a form, or as JSON."
            )
        if size > most.head_bytes:
            raise HeadTooLarge(f"The head of the request is larger than {most.head_bytes:,} bytes.")
        if len(self.headers) > most.fields:
            raise HeadTooLarge(f"The request has more than {most.fields} header fields.")

    # Whether the answer is taken.

    def pause_writing(self) -> None:
        super().pause_writing()
        self._stalled.add(self)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._stalled.remove(self)

    def cut(self) -> None:
        """End the connection of a reader that does not read, while others need the memory."""
        self._stalled.remove(self)
        metrics.cut.inc()
        self.transport.abort()

    # What the parser finds.

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._unset_keepalive_if_required()
        self._begun = True
        self._idle_bytes = 0

    def on_headers_complete(self) -> None:
        """The head is there: the last time to refuse it."""
        self._check_head(len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers))
        version = self.parser.get_http_version()
        if version not in ("1.0", "1.1"):
            raise InvalidRequest(f"HTTP/1.1 is spoken here, not HTTP/{version}.")
        hosts = [value for name, value in self.headers if name == b"host"]
        if len(hosts) != 1 and (hosts or version == "1.1"):
            raise InvalidRequest(f"A request has one field Host (RFC 9112, section 3.2); this one has {len(hosts)}.")
        authority = _AUTHORITY.match(self.url)
        if authority:  # it counts, and not the field (RFC 9112, section 3.2.2)
            hosts = [authority[1]]
            self.headers[:] = [field for field in self.headers if field[0] != b"host"] + [(b"host", hosts[0])]
        if hosts and not _HOST.fullmatch(hosts[0]):
            raise InvalidRequest("The field Host names no host: letters, digits, and -._ or an address in brackets.")
        codings = b", ".join(value for name, value in self.headers if name == b"transfer-encoding")
        if codings and codings.strip().lower() != b"chunked":  # the parser looks at the last one alone
            name = codings[:64].decode("latin-1")
            raise UnsupportedEncoding(
                f"A body with Transfer-Encoding: {name} is not read. Send it as it is, or chunked."
            )
        if version == "1.0":
            self.expect_100_continue = False  # it knows no such thing (RFC 9110, section 10.1.1)
        if len(self.pipeline) >= MOST_PIPELINED:
            raise InvalidRequest("Too many requests came before the first was answered.")
        if self.parser.get_method() == b"CONNECT":
            raise InvalidRequest("This is no proxy: nothing is connected to.")
        upgrades = self.parser.should_upgrade()
        if upgrades and not self._should_upgrade():
            return  # `_feed` sees to it
        super().on_headers_complete()
        if not upgrades:
            self.cycle.transport = cast(asyncio.Transport, self._lingering)
            # Trailers go into a list of their own: the request's fields are what they were when it was routed.
            self.headers = []
        self._before_body = self._begun = False
        self._idle_bytes = 0
        self._patience = LINGER_BYTES
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        old = cycle.scope["http_version"] == "1.0"
        answering: Any = unchunked(app, cycle) if old else app
        super()._start_asgi_task(cycle, answering)

    def on_body(self, body: bytes) -> None:
        self._idle_bytes = 0
        if self.cycle.response_complete:
            self._patience -= len(body)
            if self._patience < 0:
                raise InvalidRequest("The request was answered, and its body does not end.")
        super().on_body(body)

    def _should_upgrade(self) -> bool:
        return super()._should_upgrade() and _SOCKET.fullmatch(self.url) is not None

    def on_message_complete(self) -> None:
        if self.parser.should_upgrade():
            return
        self._idle_bytes = 0
        self._before_body = True
        super().on_message_complete()

    def handle_websocket_upgrade(self) -> None:
        super().handle_websocket_upgrade()
        # What is left of this one is its place among those let in: hundreds of sockets need not keep a parser each.
        successor: Any = self.transport.get_protocol()
        successor.connection_lost = functools.partial(_left, self._admission, self._who, successor.connection_lost)
        self._who = None
        self._leave(None)

    # Ends.

    def _head_stalled(self) -> None:
        self._head_timer = None
        if self.flow.read_paused:  # it could not send the rest
            self._head_timer = self.loop.call_later(self._limits.head_seconds, self._head_stalled)
            return
        self._refuse(HeadStalled(f"The head of the request did not come within {self._limits.head_seconds:g} s."))

    def _refuse(self, error: HuemillError) -> None:
        """Tell the client why nothing more is read, and part. Answers that are owed for earlier requests come first."""
        if self.transport.is_closing():
            return
        self._deaf, self._begun = True, False
        self._patience = LINGER_BYTES
        answered = self.cycle is None or self.cycle.response_complete
        if self._before_body and answered:
            self._say_and_close(error)
        elif self._before_body:
            metrics.refused.labels(error.code).inc()
            self.shutdown()  # which closes after the last answer
        elif self.cycle.response_started or self.pipeline:
            metrics.refused.labels(error.code).inc()
            self.transport.abort()
        else:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
            self._say_and_close(error)

    def _say_and_close(self, error: HuemillError) -> None:
        self._unset_keepalive_if_required()
        self._write(error)
        self._linger()

    def part(self) -> None:
        """Close after an answer; if the rest of the request is still on its way, not before the client has heard it."""
        if self._before_body or self.transport.is_closing():
            self.transport.close()
        else:
            self._linger()

    def _linger(self) -> None:
        self._deaf, self._patience = True, LINGER_BYTES
        self.flow.resume_reading()
        self.transport.write_eof()
        self._linger_timer = self.loop.call_later(LINGER_SECONDS, self.transport.abort)

    def _throw_away(self, count: int) -> None:
        """Take what nobody wants, and not too fast: some clients look for an answer only when they cannot send on."""
        self._patience -= count
        if self._patience < 0:
            self.transport.abort()
        else:
            self.flow.pause_reading()
            self.loop.call_later(LINGER_PAUSE_SECONDS, self._read_on)

    def _read_on(self) -> None:
        if not self.transport.is_closing():
            self.flow.resume_reading()

    def _write(self, error: HuemillError) -> None:
        """An answer that no route makes, in one piece."""
        metrics.refused.labels(error.code).inc()
        answer = problem(STATUS[type(error)], error.code, str(error))
        answer.headers["Connection"] = "close"
        answer.headers["Content-Security-Policy"] = API_POLICY
        fields = [*self.server_state.default_headers, *answer.raw_headers]
        head = b"".join(b"%b: %b\r\n" % field for field in fields)
        self.transport.write(STATUS_LINE[answer.status_code] + head + b"\r\n" + bytes(answer.body))


def _left(
    admission: Admission, who: str | None, lost: Callable[[Exception | None], None], exc: Exception | None
) -> None:
    """The end of a connection that became another protocol's."""
    if who is not None:
        admission.leave(who)
    if isinstance(exc, TimeoutError):
        metrics.cut.inc()
    lost(exc)


class _Lingering:
    """A connection's transport for its answers: that of a request which is still on its way does not end at once."""

    def __init__(self, transport: asyncio.Transport, close: Callable[[], None]) -> None:
        self.write, self.is_closing, self.close = transport.write, transport.is_closing, close
