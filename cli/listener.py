"""A receiver of callbacks that says what it gets: `huemill callbacks listen`."""

import time
from collections.abc import Callable, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import orjson

from shared.contract.webhooks import Unverified, verify

MAX_BODY_BYTES = 64 * 1024  # three times what a callback has
PATIENCE_SECONDS = 30


class Listener(ThreadingHTTPServer):
    """Answers 204 to what is verified, or to all without `keys`; 401 to all else."""

    daemon_threads = True

    def __init__(self, host: str, port: int, keys: Sequence[bytes], say: Callable[[str], object]) -> None:
        """`say` takes what a person is to read."""
        self.keys, self.say = keys, say
        super().__init__((host, port), _Handler)

    @property
    def url(self) -> str:
        return f"http://{self.server_address[0]!s}:{self.server_port}/"


class _Handler(BaseHTTPRequestHandler):
    server: Listener
    timeout = PATIENCE_SECONDS

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        size = int(length[:20]) if length.isascii() and length.isdecimal() else -1
        if not 0 <= size <= MAX_BODY_BYTES:
            self._answer(411 if size < 0 else 413)
            return
        body = self.rfile.read(size)
        wrong = self._wrong(body)
        message_id = self.headers.get("webhook-id", "no webhook-id")
        verdict = f"NOT VERIFIED: {wrong}" if wrong else "verified" if self.server.keys else "not checked: no secret"
        self.server.say(f"{time.strftime('%H:%M:%S')} {self.path} {message_id}: {verdict}\n{_shown(body)}")
        self._answer(401 if wrong else 204)

    def _wrong(self, body: bytes) -> str | None:
        """Why it is not verified; None where it is, or need not be."""
        if not self.server.keys:
            return None
        headers = {name.lower(): value for name, value in self.headers.items()}
        try:
            verify(self.server.keys, headers, body, time.time())
        except Unverified as error:
            return str(error)
        return None

    def _answer(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Nothing more is said."""


def _shown(body: bytes) -> str:
    """JSON with line breaks; anything else as it is."""
    try:
        return orjson.dumps(orjson.loads(body), option=orjson.OPT_INDENT_2).decode()
    except orjson.JSONDecodeError:
        return repr(body[:2000])
