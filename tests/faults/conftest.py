"""Faults against real processes; each test hands in the numbers that it saw, and they are shown at the end."""

from collections.abc import Callable

import pytest

# A thousand jobs on a busy machine.
MOST_SECONDS = 300
_SEEN = pytest.StashKey[list[tuple[str, str]]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_SEEN] = []


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "faults" in item.path.parts and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(MOST_SECONDS))


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
