"""The supervisor of the embedded stack: when a part is started again, when it is given up, and that nothing is left."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cli.supervisor import (
    FIRST_PAUSE,
    MOST_ENDS_AT_START,
    MOST_PAUSE,
    MOST_PAUSE_KILLED,
    STEADY_SECONDS,
    Exit,
    Part,
    StackError,
    Supervisor,
    pause_after,
)
from tests.support.processes import children_of, lives
from tests.support.waiting import until

FAILED, KILLED, STEADY = Exit.of(1, 0.5), Exit.of(-signal.SIGKILL, 0.5), Exit.of(1, STEADY_SECONDS)


def pauses(*exits: Exit) -> list[float | None]:
    """The pause after each of the exits, in order."""
    return [pause_after(exits[:number], at_start=False) for number in range(1, len(exits) + 1)]


@pytest.mark.parametrize(
    ("code", "how", "killed"),
    [
        (0, "ended with exit code 0", False),
        (2, "ended with exit code 2", False),
        (-9, "was killed by SIGKILL (signal 9)", True),
        (-15, "was killed by SIGTERM (signal 15)", True),
        (-11, "was killed by SIGSEGV (signal 11)", False),
        (-40, "was killed by a signal (signal 40)", False),
    ],
)
def test_how_a_part_ended(code: int, how: str, killed: bool) -> None:
    """Exit codes and signals in words; SIGKILL and SIGTERM come from somebody else, all others are its own doing."""
    assert Exit.of(code, 1.5) == Exit(how, 1.5, killed)


def test_pauses_double() -> None:
    """A part that goes on ending soon after its start waits twice as long each time, up to a bound; it has no end."""
    assert pauses(*[FAILED] * 5) == [FIRST_PAUSE * factor for factor in (1, 2, 4, 8, 16)]
    assert pauses(*[FAILED] * 20)[-1] == MOST_PAUSE
    assert pauses(*[KILLED] * 20)[-1] == MOST_PAUSE_KILLED


def test_a_steady_life_begins_anew() -> None:
    """After a life of some length, whatever came before it, the pauses begin with the first."""
    assert pauses(FAILED, FAILED, FAILED, STEADY, FAILED, FAILED)[2:] == [
        FIRST_PAUSE * factor for factor in (4, 1, 1, 2)
    ]


@pytest.mark.parametrize("end", [FAILED, KILLED, STEADY])
def test_given_up_at_the_start_only(end: Exit) -> None:
    """Before the stack is ready a part may end twice; the third time it is given up, however long it lived."""
    for count in range(1, MOST_ENDS_AT_START):
        assert pause_after([end] * count, at_start=True) is not None
    assert pause_after([end] * MOST_ENDS_AT_START, at_start=True) is None
    assert pause_after([end] * MOST_ENDS_AT_START, at_start=False) is not None


@pytest.fixture
def ended() -> list[tuple[str, int]]:
    return []


@pytest.fixture
def supervisor(ended: list[tuple[str, int]]) -> Iterator[Supervisor]:
    made = Supervisor(on_end=lambda name, pid: ended.append((name, pid)))
    yield made
    made.stop(["part"], 0.2)


@pytest.fixture
def shell(tmp_path: Path) -> Callable[[str], Part]:
    """Makes a part of a shell's command."""
    return lambda command: Part("part", ["sh", "-c", command], dict(os.environ), tmp_path / "part.log")


def test_a_killed_part_is_started_again(
    supervisor: Supervisor, shell: Callable[[str], Part], ended: list[tuple[str, int]], caplog: pytest.LogCaptureFixture
) -> None:
    """One line tells what ended, why, and how long it pauses; what its process had started is gone with it."""
    supervisor.launch(shell("sleep 100 & wait"))
    supervisor.started()
    first = supervisor.pid("part")
    assert first is not None
    (grandchild,) = until(lambda: children_of(first), "it has a child of its own")
    os.kill(first, signal.SIGKILL)
    until(lambda: supervisor.look() or supervisor.pid("part") is None, "its end is noticed")
    assert ended == [("part", first)]
    until(lambda: not lives(grandchild), "its child has ended")
    (record,) = caplog.records
    assert "part was killed by SIGKILL (signal 9) after" in record.getMessage()
    assert record.getMessage().endswith(f"it is started again in {FIRST_PAUSE:g} s")
    until(lambda: supervisor.look() or supervisor.pid("part") is not None, "it is started again")
    assert supervisor.pid("part") != first


def test_a_part_that_cannot_stay_up(supervisor: Supervisor, shell: Callable[[str], Part], tmp_path: Path) -> None:
    """Given up, it is told in one line: the exit code, its own last words, and where the others are."""
    (tmp_path / "part.log").write_text("of an earlier run\n")
    supervisor.launch(shell("echo one; echo two >&2; exit 7"))
    with pytest.raises(StackError) as told:
        until(supervisor.look, "it is given up")
    message = f"The part ended with exit code 7, {MOST_ENDS_AT_START} times at the start: two (all of it: "
    assert str(told.value) == f"{message}{tmp_path / 'part.log'})"


def test_a_part_without_words(supervisor: Supervisor, shell: Callable[[str], Part], tmp_path: Path) -> None:
    """The last words of an earlier run are not taken for those of this one."""
    (tmp_path / "part.log").write_text("of an earlier run\n")
    supervisor.launch(shell("exit 7"))
    with pytest.raises(StackError, match="it said nothing"):
        until(supervisor.look, "it is given up")


def test_a_part_that_cannot_be_started(supervisor: Supervisor, tmp_path: Path) -> None:
    """A command that is not there is like one that ends at once: tried again, told in one line."""
    supervisor.launch(Part("part", [str(tmp_path / "missing")], {}, tmp_path / "part.log"))
    assert supervisor.pid("part") is None
    with pytest.raises(StackError, match="The part cannot be started"):
        until(supervisor.look, "it is given up")


def test_a_part_that_does_not_want_to_end(supervisor: Supervisor, shell: Callable[[str], Part], tmp_path: Path) -> None:
    """A part that passes over SIGTERM is killed when its time is over, with what it has started."""
    supervisor.launch(shell("trap '' TERM; sleep 100 & echo up; while true; do sleep 0.01; done"))
    until(lambda: "up" in (tmp_path / "part.log").read_text(), "it is up")
    pid = supervisor.pid("part")
    assert pid is not None
    processes = [pid, *children_of(pid)]
    begin = time.monotonic()
    supervisor.stop(["part"], 0.3)
    assert time.monotonic() - begin >= 0.3
    until(lambda: not [pid for pid in processes if lives(pid)], "nothing is left")


def test_a_part_that_ended_a_moment_before_the_stop(supervisor: Supervisor, shell: Callable[[str], Part]) -> None:
    """A stop is no different for a part whose end nobody has noticed yet."""
    supervisor.launch(shell("exit 7"))
    pid = supervisor.pid("part")
    assert pid is not None
    until(lambda: not lives(pid), "it has ended")
    supervisor.stop(["part"], 5)
    assert not Path(f"/proc/{pid}").exists()
