"""A TCP proxy on loopback that can reset its connections, be slow with answers, lose them, or hold a request back."""

import contextlib
import select
import socket
import struct
import threading
import time

from tests.support.processes import free_port

# With a linger time of zero, closing sends a reset.
_RESET = struct.pack("ii", 1, 0)


class Proxy:
    """Passes bytes between clients and a port of this host, each connection in a thread."""

    def __init__(self, target: int, answer_seconds: float = 0) -> None:
        """What comes from `target` is passed on `answer_seconds` later."""
        self._target = target
        self._answer_seconds = answer_seconds
        self.port = free_port()
        self._pairs: set[tuple[socket.socket, socket.socket]] = set()
        self._lock = threading.Lock()
        self._lost: set[bytes] = set()
        self._held: dict[bytes, threading.Event] = {}
        self._server = socket.create_server(("127.0.0.1", self.port), backlog=128)
        threading.Thread(target=self._accept, daemon=True).start()

    def reset(self) -> int:
        """Break all connections with a reset; how many there were."""
        with self._lock:
            pairs, self._pairs = self._pairs, set()
        for client, server in pairs:
            for end in (client, server):
                with contextlib.suppress(OSError):  # it has ended by itself
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                end.close()
        return len(pairs)

    def lose_answers(self, *marks: bytes) -> None:
        """From now on whatever has one of these marks in it is passed on, and its connection hears nothing any more."""
        self._lost = set(marks)

    def hold(self, mark: bytes) -> threading.Event:
        """What has the mark in it is passed on when the event is set, though its connection may be closed by then."""
        self._held[mark] = threading.Event()
        return self._held[mark]

    def pass_all(self) -> None:
        """From now on nothing is lost or held; what was held arrives."""
        self._lost = set()
        held, self._held = self._held, {}
        for released in held.values():
            released.set()

    def close(self) -> None:
        self._server.close()
        self.reset()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return  # closed
            try:
                server = socket.create_connection(("127.0.0.1", self._target))
            except OSError:
                client.close()
                continue
            with self._lock:
                self._pairs.add((client, server))
            threading.Thread(target=self._pass, args=(client, server), daemon=True).start()

    def _pass(self, client: socket.socket, server: socket.socket) -> None:
        mute = False
        # Either end may be closed under our hands by a reset.
        with contextlib.suppress(OSError, ValueError):
            while True:
                for source in select.select([client, server], [], [], 0.2)[0]:
                    data = source.recv(2**16)
                    if not data:
                        raise OSError("ended")
                    if source is client:
                        mute = mute or any(mark in data for mark in self._lost)
                        for mark, released in list(self._held.items()):
                            if mark in data:
                                released.wait()
                        server.sendall(data)
                    elif not mute:
                        time.sleep(self._answer_seconds)
                        client.sendall(data)
        with self._lock:
            self._pairs.discard((client, server))
        client.close()
        server.close()
