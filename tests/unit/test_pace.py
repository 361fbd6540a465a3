"""What a queued job is told to have before it."""

import pytest

from shared.jobs.pace import Outlook, outlook


@pytest.mark.parametrize(
    ("position", "pace", "first_since", "seconds"),
    [
        # Nothing is known: a second for each.
        (0, (None, None, None), 1000.0, 2.0),
        (4, (None, None, None), 1000.0, 6.0),
        # Two claims a second, jobs of three seconds.
        (0, (b"1000", b"0.5", b"3"), 1000.0, 3.5),
        (9, (b"1000", b"0.5", b"3"), 990.0, 8.0),
        # Nothing has ended yet, or the run alone is known.
        (1, (b"1000", b"2", None), 1000.0, 5.0),
        (1, (None, None, b"4"), 1000.0, 12.0),
        # For a minute nobody has claimed, and the first waits for longer than that: there is no worker.
        (1, (b"940", b"0.5", b"3"), 900.0, 123.0),
        # It was idle for a minute, since nobody wanted anything.
        (0, (b"940", b"0.5", b"3"), 1000.0, 3.5),
        (0, (b"940", b"0.5", b"3"), 998.0, 5.0),
        # The clock was set back.
        (0, (b"2000", b"0.5", b"3"), 2000.0, 3.5),
    ],
)
def test_a_queues_pace_tells_how_long_it_takes(
    position: int, pace: tuple[bytes | None, ...], first_since: float, seconds: float
) -> None:
    """At the time 1000: for each that stands before it and for itself a claim's time, then the time of a run."""
    assert outlook(position, pace, first_since, 1000.0) == Outlook(position, seconds)
