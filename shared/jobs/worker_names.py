"""What a worker is called in records, and in the list of those that were heard."""

import socket


def worker_name(pid: int) -> str:
    """The name of the worker of this host whose main process has this id."""
    return f"{socket.gethostname()}:{pid}"


def is_of_this_host(name: str) -> bool:
    return name.rpartition(":")[0] == socket.gethostname()
