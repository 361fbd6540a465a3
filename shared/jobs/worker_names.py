"""What a worker is called: in records and in the list of those that were heard, and what clients are told instead."""

import hashlib
import socket


def worker_name(pid: int) -> str:
    """The name of the worker of this host whose main process has this id."""
    return f"{socket.gethostname()}:{pid}"


def is_of_this_host(name: str) -> bool:
    return name.rpartition(":")[0] == socket.gethostname()


def public_name(name: str) -> str:
    """`worker-7f3a` for the name of a worker or of one of its children: it tells neither host nor process."""
    return "worker-" + hashlib.sha256(name.partition("/")[0].encode()).hexdigest()[:4]
