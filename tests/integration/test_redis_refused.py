"""What is no Redis for huemill is refused at start, by each process, in one sentence and without a secret."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.processes import SERVERS, StoreServer, free_port

PASSWORD = "tests"
GATEWAY = ["-m", "api.server", "--port", "0"]
WORKER = ["-m", "celery", "--quiet", "-A", "worker.main", "worker", "-Q", "huemill.fast", "--concurrency", "1"]


def refused(command: list[str], url: str, folder: Path) -> str:
    """What the process says on its way out."""
    environment = {**os.environ, "HUEMILL_REDIS_URL": url, "HUEMILL_BLOB_URL": folder.as_uri()}
    done = subprocess.run(
        [sys.executable, *command], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1, done.stderr
    assert PASSWORD not in done.stdout + done.stderr
    # Celery has a line of its own for who runs it as root.
    lines = [
        line for line in (done.stdout + done.stderr).splitlines() if line.strip() and "SecurityWarning" not in line
    ]
    assert len(lines) == 1, lines
    return lines[0]


def serve(folder: Path) -> list[str]:
    words = ["serve", "--port", str(free_port()), "--data-dir", str(folder / "data")]
    return ["-c", "from cli.main import main; main()", *words]


@pytest.mark.parametrize("kind", SERVERS)
def test_a_server_in_cluster_mode(own_store: Callable[..., StoreServer], tmp_path: Path, kind: str) -> None:
    """A server that is one of a cluster would refuse moves later, some of them; so it is refused before."""
    store = own_store(kind, lines=["cluster-enabled yes", f"cluster-port {free_port()}"])
    # The processes ask in one way, and the servers say it in two.
    for command in (GATEWAY, WORKER, serve(tmp_path)) if kind == SERVERS[0] else (GATEWAY,):
        line = refused(command, store.url, tmp_path)
        assert line == (
            "huemill: The Redis of HUEMILL_REDIS_URL is in cluster mode, which cannot be used: one move changes "
            "several keys, which must be on one server."
        )


def test_a_url_that_means_nothing(tmp_path: Path) -> None:
    """It is told by whoever reads it first, not by a library in the middle of a job. All that such a URL can be is in
    tests/unit/test_redis_address.py.
    """
    urls = {
        "redis+cluster://:tests@127.0.0.1:1/0": "Redis Cluster cannot be used",
        "sentinel://:tests@127.0.0.1:1/0": "What the Sentinels call",
        "rediss://:tests@127.0.0.1:1/0?ssl_ca_certs=nowhere": "ssl_ca_certs: there is no",
    }
    for command, (url, words) in zip((GATEWAY, WORKER, serve(tmp_path)), urls.items(), strict=True):
        assert refused(command, url, tmp_path).startswith(f"huemill: HUEMILL_REDIS_URL: {words}")
