"""What is looked at before the stack starts anything: settings, port, Redis, data folder. Each is told in one line."""

import fcntl
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import redis

from cli.supervisor import StackError
from shared.runtime import connections
from shared.runtime.settings import Settings, WrongSettings, check_openness, read_settings


def told_settings(redis_url: str | None) -> Settings:
    """The HUEMILL_* variables, read here before any process does; `redis_url` goes before its variable."""
    try:
        return read_settings(**({} if redis_url is None else {"redis_url": redis_url}))
    except WrongSettings as error:
        raise StackError(str(error)) from None


def check_port(host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise StackError(
                f"Port {port} on {host} cannot be taken: {error.strerror}. Choose another with --port."
            ) from None


def check_open(settings: Settings, host: str) -> None:
    try:
        check_openness(settings, host)
    except WrongSettings as error:
        raise StackError(str(error)) from None


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def check_redis(settings: Settings) -> None:
    try:
        connections.check(settings)
    except connections.WrongServer as error:
        raise StackError(str(error)) from None
    except redis.RedisError as error:
        raise StackError(f"The Redis of --redis-url does not answer: {error}") from None


@contextmanager
def locked_folder(data_dir: Path) -> Iterator[None]:
    """The data folder, made if it is not there and locked against a second stack."""
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
