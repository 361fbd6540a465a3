"""HTTP by hand, for what no client library would send."""

import socket
import time
from contextlib import suppress
from typing import Any, NamedTuple

import orjson


class Answer(NamedTuple):
    """What came back on a connection, of its last answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    def problem(self, status: int, code: str) -> dict[str, Any]:
        """The problem document, checked for all that goes with one that ends a connection."""
        assert (self.status, self.headers["content-type"]) == (status, "application/problem+json"), self
        assert self.headers["connection"] == "close"
        document: dict[str, Any] = orjson.loads(self.body)
        assert (document["status"], document["code"]) == (status, code), document
        return document


def connect(port: int, source: str = "127.0.0.1") -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), 30, (source, 0))


def answer(connection: socket.socket) -> Answer:
    """The next answer; the connection stays as it is."""
    with connection.makefile("rb") as file:
        status = int(file.readline().split()[1])
        fields = iter(file.readline, b"\r\n")
        headers = {
            name.lower(): value.strip() for name, _, value in (field.decode().partition(":") for field in fields)
        }
        return Answer(status, headers, file.read(int(headers.get("content-length", "0"))))


def everything(connection: socket.socket) -> bytes:
    """All that the server sends until it closes."""
    received = b""
    with suppress(ConnectionResetError):
        while more := connection.recv(65536):
            received += more
    return received


def answers(connection: socket.socket) -> list[Answer]:
    """The answers, each with its length, that come until the server closes."""
    received, found = everything(connection), []
    while received:
        head, _, rest = received.partition(b"\r\n\r\n")
        first, *fields = head.decode().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (field.partition(":") for field in fields)}
        length = int(headers.get("content-length", "0"))
        found.append(Answer(int(first.split()[1]), headers, rest[:length]))
        received = rest[length:]
    return found


def said_to(port: int, *pieces: bytes, pause: float = 0) -> list[Answer]:
    """The answers to what is sent, piece by piece."""
    with connect(port) as connection:
        with suppress(BrokenPipeError, ConnectionResetError):  # it has heard enough
            for piece in pieces:
                connection.sendall(piece)
                time.sleep(pause)
        return answers(connection)


def stalled(port: int, path: str, count: int, accept: str = "*/*", encoding: str = "") -> list[socket.socket]:
    """Clients that ask for `path`, and then read nothing; what their own network holds for them is little."""
    found = []
    for _ in range(count):
        client = connect(port)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        fields = f"Host: localhost\r\nAccept: {accept}\r\nAccept-Encoding: {encoding}\r\n"
        client.sendall(f"GET {path} HTTP/1.1\r\n{fields}\r\n".encode())
        found.append(client)
    return found


UPGRADE = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"


def stalled_sockets(port: int, path: str, count: int) -> list[socket.socket]:
    """Clients that open a WebSocket at `path`, and then read nothing."""
    found = []
    for _ in range(count):
        client = connect(port)
        key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{UPGRADE}{key}\r\n".encode())
        found.append(client)
    return found
