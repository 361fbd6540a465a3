"""Faults against real processes; each test hands in the numbers that it saw, and they are shown at the end."""

from collections.abc import Callable

import pytest

_SEEN = pytest.StashKey[list[tuple[str, str]]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_SEEN] = []


@pytest.fixture
def saw(request: pytest.FixtureRequest) -> Callable[..., None]:
    """Takes named numbers for the table at the end."""

    def note(**numbers: object) -> None:
        words = [
            f"{name} {value:.2f}" if isinstance(value, float) else f"{name} {value}" for name, value in numbers.items()
        ]
        request.config.stash[_SEEN].append((request.node.name, ", ".join(words).replace("_", " ")))

    return note


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    seen = config.stash[_SEEN]
    if seen:
        terminalreporter.section("what the faults did")
        for name, words in seen:
            terminalreporter.line(f"{name.removeprefix('test_')}: {words}")
