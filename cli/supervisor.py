"""Child processes that are kept up: started, started again when they end, stopped together. For a main thread alone."""

import ctypes
import logging
import os
import signal
import subprocess
import time
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

FIRST_PAUSE = 0.25
# What ends by itself will do so again until somebody mends it.
MOST_PAUSE = 30.0
# What was killed is not to blame. Where something goes on killing workers, longer pauses leave all its blows to the
# one that is up, and none lives long enough to become ready.
MOST_PAUSE_KILLED = 2.0
# After so long a life the pauses begin anew.
STEADY_SECONDS = 10.0
MOST_ENDS_AT_START = 3

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)
log = logging.getLogger("huemill.stack")


class StackError(Exception):
    """The stack cannot start; the message is the one line that a person reads."""


@dataclass(frozen=True)
class Part:
    """One process of the stack."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    """What it writes to standard output and error is appended here."""


@dataclass(frozen=True)
class Exit:
    """The end of one life of a part."""

    how: str
    """Continues a sentence: `was killed by SIGKILL (signal 9)`."""
    lived: float
    """Seconds from its start."""
    killed: bool = False
    """Whether somebody else ended it: a person, or the kernel for want of memory."""

    @classmethod
    def of(cls, code: int, lived: float) -> "Exit":
        """`code` as in `Popen.returncode`: negative for a signal."""
        if code >= 0:
            return cls(f"ended with exit code {code}", lived)
        names = {number.value: number.name for number in signal.Signals}
        how = f"was killed by {names.get(-code, 'a signal')} (signal {-code})"
        return cls(how, lived, killed=-code in (signal.SIGKILL, signal.SIGTERM))


def pause_after(exits: Sequence[Exit], *, at_start: bool) -> float | None:
    """Seconds until a part with these exits is started again; None if it cannot stay up and is given up.

    Pauses double while its lives are short. `at_start`: the stack has not been ready yet. Later no part is given up:
    what made it end may be mended, and the others still do their work.
    """
    if at_start and len(exits) >= MOST_ENDS_AT_START:
        return None
    short = 0
    for end in reversed(exits):
        if end.lived >= STEADY_SECONDS:
            break
        short += 1
    most = MOST_PAUSE_KILLED if exits[-1].killed else MOST_PAUSE
    return min(most, FIRST_PAUSE * 2.0 ** max(0, short - 1))


@dataclass
class _Child:
    """A part, and the process that it is just now."""

    part: Part
    process: "subprocess.Popen[bytes] | None" = None
    started_at: float = 0.0
    start_at: float = 0.0
    """When it is started again, while there is no process."""
    log_begin: int = 0
    """Where this process's own words begin in the log."""
    exits: deque[Exit] = field(default_factory=lambda: deque(maxlen=16))


class Supervisor:
    """Owns the parts' processes. Each leads a session of its own, so that Ctrl-C reaches only the parent, and is told
    to end when the parent dies."""

    def __init__(self, on_end: Callable[[str, int], None]) -> None:
        """`on_end` is called with the name and the process id of a part that has ended by itself."""
        self._on_end = on_end
        self._children: dict[str, _Child] = {}
        self._at_start = True

    def launch(self, part: Part) -> None:
        """Start a part, and keep it up from now on."""
        self._children[part.name] = _Child(part)
        self._start(self._children[part.name])

    def started(self) -> None:
        """The stack is ready: from now on no part is given up."""
        self._at_start = False

    def pid(self, name: str) -> int | None:
        """The part's process id; None between two lives."""
        process = self._children[name].process
        return None if process is None else process.pid

    def look(self) -> None:
        """Notice what has ended, and start what has paused long enough; to be called a few times a second.

        Raises StackError for a part that cannot stay up at the start.
        """
        for child in self._children.values():
            if child.process is not None and _has_ended(child.process):
                self._note_end(child, child.process)
            elif child.process is None and time.monotonic() >= child.start_at:
                self._start(child)

    def stop(self, names: Collection[str], seconds: float) -> None:
        """End these parts, politely at first; kill what is left of their sessions after `seconds`."""
        children = [self._children.pop(name) for name in names if name in self._children]
        processes = [child.process for child in children if child.process is not None]
        for process in processes:
            os.kill(process.pid, signal.SIGTERM)  # also one that has ended just now: nobody has reaped it
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not all(map(_has_ended, processes)):
            time.sleep(0.01)
        for process in processes:  # all of them at first: the kernel takes a while to clear up after each
            _kill_session(process)
        for process in processes:
            process.wait()

    def _start(self, child: _Child) -> None:
        child.started_at = time.monotonic()
        try:
            child.log_begin = child.part.log.stat().st_size if child.part.log.exists() else 0
            _spawn(child)
        except OSError as error:  # no memory or no process to be had, say: this may pass
            self._restart_later(child, Exit(f"cannot be started ({error.strerror})", 0.0))

    def _note_end(self, child: _Child, process: "subprocess.Popen[bytes]") -> None:
        lived = time.monotonic() - child.started_at
        _kill_session(process)
        child.process = None
        self._restart_later(child, Exit.of(process.wait(), lived))
        self._on_end(child.part.name, process.pid)

    def _restart_later(self, child: _Child, end: Exit) -> None:
        """Say how it ended and when it is started again; raises StackError if it is given up."""
        child.exits.append(end)
        name, pause = child.part.name, pause_after(child.exits, at_start=self._at_start)
        if pause is None:
            times = f"{len(child.exits)} times at the start"
            raise StackError(f"The {name} {end.how}, {times}: {_last_words(child)} (all of it: {child.part.log})")
        child.start_at = time.monotonic() + pause
        log.warning(
            "%s %s after %.1f s; it is started again in %g s",
            *(name, end.how, end.lived, pause),
            extra={"part": name, "pause": pause},
        )


def _last_words(child: _Child) -> str:
    with suppress(OSError), child.part.log.open("rb") as file:
        file.seek(child.log_begin)
        lines = file.read().decode(errors="replace").strip().splitlines()
        if lines:
            return lines[-1].strip()
    return "it said nothing"


def _spawn(child: _Child) -> None:
    """Start the child's process. A signal to stop waits until it is noted, so that no process is forgotten."""
    held = signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)

    def in_the_child() -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, held)
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)

    try:
        with child.part.log.open("ab") as output:
            child.process = subprocess.Popen(
                child.part.command,
                env=child.part.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=in_the_child,
            )
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, held)


def _has_ended(process: "subprocess.Popen[bytes]") -> bool:
    """Whether it is over. It is left as a zombie, so that its process group keeps its number."""
    return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _kill_session(process: "subprocess.Popen[bytes]") -> None:
    """Kill what is left of the process's session; to be called before it is reaped."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
