"""The embedded stack: a private Valkey, workers and the gateway, started, kept up and stopped together."""

import logging
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import NoReturn

import httpx
from redis import Redis, RedisError

from cli import parts
from cli.preflight import check_open, check_port, check_redis, free_port, locked_folder, told_settings
from cli.supervisor import STOP_SIGNALS, StackError, Supervisor, log
from shared.jobs.keys import WORKERS
from shared.jobs.worker_names import worker_name
from shared.runtime import connections, logs
from shared.runtime.settings import Settings

START_SECONDS = 120.0
LOOK_SECONDS = 0.1
# Together below the 5 s within which everything must be gone, this process included, on a busy machine too. By then a
# worker has given back its job; what it may still be at is Python's own end, a second of collecting garbage.
DRAIN_SECONDS = 2.8
VALKEY_STOP_SECONDS = 1.0


class _Terminated(BaseException):
    """SIGTERM came. No `Exception`: a library that logs and passes over all of those must not pass over this one."""


class Stack:
    """All that `huemill serve` runs."""

    def __init__(self, data_dir: Path, host: str, port: int, workers: int, redis_url: str | None) -> None:
        self._data_dir, self._host, self._port, self._count = data_dir, host, port, workers
        self._redis_url = redis_url
        self._supervisor = Supervisor(on_end=self._strike_off)
        self._workers: list[str] = []

    @property
    def url(self) -> str:
        host = "127.0.0.1" if self._host in ("0.0.0.0", "") else self._host
        return f"http://{f'[{host}]' if ':' in host else host}:{self._port}"

    def start(self) -> None:
        """Start everything, and return when a job can be posted. Raises StackError with what went wrong."""
        check_port(self._host, self._port)
        redis_url = self._redis_url
        if redis_url is None:
            valkey, redis_url = parts.valkey(self._data_dir)
            self._supervisor.launch(valkey)
        settings = told_settings(redis_url)
        if self._redis_url is not None:
            check_redis(settings)
        self._redis: Redis = connections.guard(settings)
        self._until(self._redis_answers, "Valkey did not answer")
        if self._redis_url is None:
            self._redis.delete(WORKERS)  # of an earlier run that was killed
        environment = parts.environment(self._data_dir, redis_url)
        self._supervisor.launch(parts.gateway(self._data_dir, environment, self._host, self._port))
        for worker in parts.workers(self._data_dir, environment, self._count):
            self._workers.append(worker.name)
            self._supervisor.launch(worker)
        with httpx.Client(base_url=self.url, timeout=5, trust_env=False) as client:
            self._until(lambda: self._is_ready(client), "The gateway and the workers were not ready")
        self._supervisor.started()

    def watch(self) -> NoReturn:
        """Keep everything up, for ever: what ends is started again."""
        while True:
            self._supervisor.look()
            time.sleep(LOOK_SECONDS)

    def stop(self) -> None:
        """End everything, the store last: what was running is taken up again at the next start."""
        self._supervisor.stop(["gateway", *self._workers], DRAIN_SECONDS)
        self._supervisor.stop(["valkey"], VALKEY_STOP_SECONDS)

    def _until(self, condition: Callable[[], bool], otherwise: str) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not condition():
            self._supervisor.look()
            if time.monotonic() > deadline:
                raise StackError(f"{otherwise} within {START_SECONDS:g} s; see {self._data_dir / 'logs'}.")
            time.sleep(0.05)

    def _redis_answers(self) -> bool:
        try:
            return bool(self._redis.ping())
        except RedisError:
            return False

    def _is_ready(self, client: httpx.Client) -> bool:
        """Whether the gateway can take jobs, and every worker has said that it lives."""
        try:
            for name in self._workers:
                pid = self._supervisor.pid(name)
                if pid is None or self._redis.zscore(WORKERS, worker_name(pid)) is None:
                    return False
            return client.get("/readyz").is_success
        except (RedisError, httpx.TransportError):
            return False

    def _strike_off(self, name: str, pid: int) -> None:
        """Let /readyz not count a worker that has ended among those heard lately."""
        # Without Redis /readyz is 503; and once it is back the worker counts for some seconds at most.
        with suppress(RedisError):
            if name in self._workers:
                self._redis.zrem(WORKERS, worker_name(pid))


@contextmanager
def running(
    data_dir: Path, host: str = "127.0.0.1", port: int = 0, workers: int = 1, redis_url: str | None = None
) -> Iterator[Stack]:
    """A started stack, stopped on leaving, on Ctrl-C and on SIGTERM alike. Port 0: a free one."""
    settings = told_settings(redis_url)
    check_open(settings, host)
    with _first_signal_raises(), locked_folder(data_dir), _logging_to(data_dir / "logs" / "stack.log", settings):
        stack = Stack(data_dir, host, port or free_port(), workers, redis_url)
        try:
            stack.start()
            yield stack
        finally:
            _ignore_signals()
            stack.stop()


@contextmanager
def _logging_to(path: Path, settings: Settings) -> Iterator[None]:
    """The supervisor's words have a file beside those of the parts, in their form."""
    handler = logging.FileHandler(path)
    handler.setFormatter(logs.formatter(settings.log_format))
    log.addHandler(handler)
    try:
        yield
    finally:
        log.removeHandler(handler)
        handler.close()


@contextmanager
def _first_signal_raises() -> Iterator[None]:
    """SIGTERM unwinds the body as Ctrl-C does, and then ends the program with exit code 0.

    A second signal is ignored: it would break off what the first one has begun.
    """

    def stop(number: int, _: FrameType | None) -> None:
        _ignore_signals()
        raise KeyboardInterrupt if number == signal.SIGINT else _Terminated

    before = {number: signal.getsignal(number) for number in STOP_SIGNALS}
    try:
        for number, handler in before.items():
            if handler is not signal.SIG_IGN:  # as a shell without job control sets it in the background
                signal.signal(number, stop)
        yield
    except _Terminated:
        raise SystemExit(0) from None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _ignore_signals() -> None:
    for number in STOP_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
