"""Memory of processes, and of the machine or the container around them: what Linux says of it, in bytes."""

import os
from pathlib import Path

PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
# Of all that there is; the rest is the worker's other processes' and the kernel's.
JOB_SHARE = 0.8
_CGROUPS = Path("/sys/fs/cgroup")


def resident(pid: int) -> int:
    """What the process has in memory; 0 if there is no such process."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE_BYTES
    except (FileNotFoundError, ProcessLookupError):
        return 0


def default_limit() -> int:
    """Most memory of one job, where the operator does not say: a share of what the machine or the container has."""
    everything = PAGE_BYTES * os.sysconf("SC_PHYS_PAGES")
    for name in ("memory.max", "memory.limit_in_bytes"):
        text = _cgroup_file(name).strip()
        if text.isdecimal():
            everything = min(everything, int(text))
    return int(JOB_SHARE * everything)


def oom_kills() -> int:
    """How many processes the kernel has killed for want of memory: in our control group, or else on the machine."""
    for text in (_cgroup_file("memory.events"), _cgroup_file("memory.oom_control"), _read(Path("/proc/vmstat"))):
        for line in text.splitlines():
            name, _, count = line.partition(" ")
            if name == "oom_kill":
                return int(count)
    return 0


def _cgroup_file(name: str) -> str:
    """A file of our control group, of either version; empty where there is none."""
    for line in _read(Path("/proc/self/cgroup")).splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers in ("", "memory"):
            # In a container the path may be the host's, and what is mounted the container's own.
            for folder in (_CGROUPS / controllers / path.lstrip("/"), _CGROUPS / controllers):
                if text := _read(folder / name):
                    return text
    return ""


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
