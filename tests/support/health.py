"""How soon a gateway says that it lives, asked by a process of its own: `python -m tests.support.health PORT`.

Threads of the test's process would wait for each other, and their waiting would count as the gateway's.
"""

import json
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

HEALTHY_SECONDS = 0.1
PAUSE_SECONDS = 0.01
# On a machine that is busy with other things every round of the gateway's loop takes longer, and an attack many rounds.
BUSY_FACTOR = 10


@dataclass
class Health:
    """The seconds that each answer took."""

    seconds: list[float] = field(default_factory=list)

    @property
    def p50(self) -> float:
        return statistics.median(self.seconds)

    @property
    def p99(self) -> float:
        return sorted(self.seconds)[int(0.99 * len(self.seconds))]

    @property
    def worst(self) -> float:
        return max(self.seconds)


@contextmanager
def asked(port: int) -> Iterator[Health]:
    """Ask /healthz again and again, each time on a new connection; the answers are there when the block is left."""
    health = Health()
    command = [sys.executable, "-m", "tests.support.health", str(port)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        try:
            yield health
        finally:
            answers, _ = process.communicate()  # which closes its input: that is the sign to stop
    assert process.returncode == 0, "an answer to /healthz was not 200, or none came"
    health.seconds += json.loads(answers)
    assert health.seconds


def quiet(port: int, seconds: float = 2.0) -> Health:
    """How it is when nobody attacks: on a busy machine that is no zero."""
    with asked(port) as health:
        time.sleep(seconds)
    return health


def check(health: Health, before: Health) -> dict[str, float]:
    """Whether the gateway was there for others throughout, as far as the machine let it; the figures."""
    assert health.p99 < max(HEALTHY_SECONDS, BUSY_FACTOR * before.p99), f"{health.p99:.3f} s, {before.p99:.3f} s before"
    seen = {"healthz_p50": health.p50, "p99": health.p99, "worst": health.worst, "p99_before": before.p99}
    return {f"{name}_ms": 1000 * seconds for name, seconds in seen.items()}


def _ask(port: int) -> float:
    begin = time.monotonic()
    with socket.create_connection(("127.0.0.1", port), 30) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        answer = b""
        while more := connection.recv(4096):
            answer += more
    if not answer.startswith(b"HTTP/1.1 200 "):
        raise SystemExit(answer[:200].decode())
    return time.monotonic() - begin


def main() -> None:
    port = int(sys.argv[1])
    over = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), over.set()), daemon=True).start()
    seconds = [_ask(port)]
    sys.stdout.write("begun\n")
    sys.stdout.flush()
    while not over.wait(PAUSE_SECONDS):
        seconds.append(_ask(port))
    json.dump(seconds, sys.stdout)


if __name__ == "__main__":
    main()
