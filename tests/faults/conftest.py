"""Faults against real processes; each test hands in the numbers that it saw, and they are shown at the end."""

from collections.abc import Callable

import pytest

# A thousand jobs on a busy machine.
MOST_SECONDS = 300
_SEEN = "seen"


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
        # A test's properties reach the process that reports, whichever process it runs in.
        request.node.user_properties.append((_SEEN, ", ".join(words).replace("_", " ")))

    return note


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = [report for kind in ("passed", "failed") for report in terminalreporter.getreports(kind)]
    seen = [
        (report.nodeid.rpartition("::")[2], words)
        for report in reports
        if report.when == "call"
        for name, words in report.user_properties
        if name == _SEEN
    ]
    if seen:
        terminalreporter.section("what the faults did")
        for name, words in seen:
            terminalreporter.line(f"{name.removeprefix('test_')}: {words}")
