"""`huemill serve` as a person runs it, and its processes."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import chdir, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from click.testing import CliRunner

from cli.main import main
from tests.support.processes import PLAIN, Child, children_of, descendants_of, free_port, lives, log_lines
from tests.support.waiting import until

HUEMILL = [sys.executable, "-c", "from cli.main import main; main()"]
STOP_SECONDS = 5
IMPATIENT = {"HUEMILL_LEASE_SECONDS": "2", "HUEMILL_RESEND_SECONDS": "3", "HUEMILL_SWEEP_SECONDS": "0.5"}
ONE_CORE = {"HUEMILL_THREADS": "1"}  # the other is other tests' own
WORKERS = {f"worker-{number}": f"worker{number}@" for number in (1, 2)}


@dataclass
class Serving:
    """A running `huemill serve`."""

    child: Child
    port: int
    data: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def client(self) -> httpx.Client:
        return httpx.Client(base_url=self.url, **PLAIN)

    def said(self, event: str) -> list[dict[str, Any]]:
        """What its processes have logged."""
        return [line for log in (self.data / "logs").iterdir() for line in log_lines(log.read_text(), event)]

    def parts(self) -> dict[str, int]:
        """The process ids of what is up just now, by the parts' names."""
        found = {}
        for pid in children_of(self.child.pid):
            with suppress(FileNotFoundError, ProcessLookupError):
                command = Path(f"/proc/{pid}/cmdline").read_text()
                for name, words in {"valkey": "valkey-", "gateway": "--host", **WORKERS}.items():
                    if words in command:
                        found[name] = pid
        return found

    def stop(self, number: int) -> float:
        """Send the signal; the seconds until it and all its processes were gone."""
        processes = [self.child.pid, *descendants_of(self.child.pid)]
        begin = time.monotonic()
        os.kill(self.child.pid, number)
        self.child.process.wait(3 * STOP_SECONDS)
        took = time.monotonic() - begin
        assert self.child.process.returncode == 0
        assert "Traceback" not in self.child.text()
        assert [pid for pid in processes if lives(pid)] == []
        return took


def huemill(*arguments: str, cwd: Path | None = None, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run the command to its end."""
    path = os.pathsep.join([str(Path.cwd()), os.environ.get("PYTHONPATH", "")])
    whole = {**os.environ, "PYTHONPATH": path, "COLUMNS": "120", **environment}
    command = [*HUEMILL, *arguments]
    return subprocess.run(command, cwd=cwd, env=whole, capture_output=True, text=True, timeout=110, check=False)


def huemill_here(*arguments: str, cwd: Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    """The same in this process, for tests of what it says and writes: half a second of CPU goes to each start."""
    with chdir(cwd):
        done = CliRunner().invoke(main, arguments, env={"COLUMNS": "120", **environment}, catch_exceptions=False)
    return subprocess.CompletedProcess(arguments, done.exit_code, done.stdout, done.stderr)


@contextmanager
def starting(folder: Path) -> Iterator[Callable[..., Serving]]:
    """Starts `huemill serve` on a free port and waits for its line; its data are in `folder / "data"`."""
    started: list[Serving] = []

    def start(*arguments: str, **environment: str) -> Serving:
        port = free_port()
        command = [*HUEMILL, "serve", "--port", str(port), "--data-dir", str(folder / "data"), *arguments]
        child = Child(
            "huemill serve", command, folder / f"serve-{len(started)}.log", IMPATIENT | ONE_CORE | environment
        )
        started.append(Serving(child, port, folder / "data"))
        until(lambda: child.check() or "huemill serves at" in child.text(), "the ready line", 90, 0.05)
        return started[-1]

    yield start
    for serving in started:
        if serving.child.process.poll() is None:
            serving.stop(signal.SIGTERM)
