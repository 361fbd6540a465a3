"""Web servers of the tests' own on loopback addresses, and traps that must not be touched."""

import errno
import http.server
import os
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from http.server import BaseHTTPRequestHandler
from typing import Any, NamedTuple

Answer = Callable[[BaseHTTPRequestHandler], None]


class Post(NamedTuple):
    """What was posted, and when by the monotonic clock."""

    path: str
    headers: dict[str, str]
    body: bytes
    at: float


class Web:
    """A server that counts its connections, and answers each path by a function."""

    def __init__(self, address: str = "127.0.0.1", port: int = 0, tls: ssl.SSLContext | None = None) -> None:
        self.reset()
        web = self

        class Handler(BaseHTTPRequestHandler):
            timeout = 10

            def do_GET(self) -> None:
                web.hosts.append(self.headers["Host"])
                web.headers = dict(self.headers)
                with suppress(OSError):
                    web.answers[self.path](self)

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                web.posts.append(Post(self.path, dict(self.headers), body, time.monotonic()))
                with suppress(OSError):
                    web.answers[self.path](self)

            def log_message(self, *_: Any) -> None:
                pass

        class Server(http.server.ThreadingHTTPServer):
            address_family = socket.AF_INET6 if ":" in address else socket.AF_INET
            daemon_threads = True
            block_on_close = False
            request_queue_size = 128  # else a crowd that comes at once is heard a second later

            def get_request(self) -> tuple[socket.socket, Any]:
                connection, peer = super().get_request()
                web.connections += 1
                return connection, peer

            def finish_request(self, request: Any, client_address: Any) -> None:
                with suppress(OSError):
                    wrapped = tls.wrap_socket(request, server_side=True) if tls else request
                    with wrapped:
                        Handler(wrapped, client_address, self)

        self._server = Server((address, port), Handler)
        self.address, self.port = address, int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def reset(self) -> None:
        """Forget all that was seen and is to be answered."""
        self.answers: dict[str, Answer] = {}
        self.connections = 0
        self.hosts: list[str] = []
        self.headers: dict[str, str] = {}
        self.posts: list[Post] = []

    def url(self, path: str = "", scheme: str = "http") -> str:
        return f"{scheme}://{self.address}:{self.port}{path}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@contextmanager
def at_one_port(*addresses: str) -> Iterator[dict[str, Web]]:
    """Servers at the same port of several addresses."""
    while True:
        with ExitStack() as stack:
            made = {addresses[0]: stack.enter_context(closing(Web(addresses[0])))}
            try:
                for address in addresses[1:]:
                    made[address] = stack.enter_context(closing(Web(address, made[addresses[0]].port)))
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
                continue  # somebody's connection has it there
            yield made
            return


def gives(data: bytes, status: int = 200, **headers: str) -> Answer:
    """Answers with `data`; headers by their names with underscores."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in ({"Content_Length": str(len(data))} | headers).items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(data)

    return answer


def in_turn(*answers: Answer) -> Answer:
    """Answers by one after the other; the last one stays."""
    left = list(answers)
    return lambda handler: (left.pop(0) if len(left) > 1 else left[0])(handler)


def redirects(target: str, status: int = 302) -> Answer:
    return gives(b"", status, Location=target)


def raw(*pieces: bytes, pause: float = 0.0, stop: threading.Event | None = None) -> Answer:
    """Sends what it is given, as it is, with a pause after each piece, until the peer is gone or `stop` is set."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        for piece in pieces:
            handler.wfile.write(piece)
            handler.wfile.flush()
            if pause and (stop or threading.Event()).wait(pause):
                return

    return answer


def breaks_tls(said: bytes) -> Answer:
    """Sends what it is given, over TLS, and then a record that nobody can read."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(said)
        with socket.socket(fileno=os.dup(handler.connection.fileno())) as plain:
            plain.sendall(b"\x17\x03\x03\x00\x20" + bytes(32))  # application data, encrypted with no key

    return answer
