"""How long a queued job will take: from its place, and from how its queue went on lately.

Every claim tells how long the queue waited for a worker: since the claim before, or for as long as its first job has
waited where that is less. Every end tells how long a job ran. Both are smoothed where they happen (`moves.lua`). So
nobody need know how many workers there are, what else they do, or whether there are any.
"""

from collections.abc import Sequence
from typing import NamedTuple

# Where nothing has run yet.
UNKNOWN_SECONDS = 1.0


class Outlook(NamedTuple):
    """What a queued job has before it."""

    position: int
    """How many jobs of its queue have their turn before it, at most (see turns.lua)."""
    seconds: float
    """Until it has ended, most likely."""


def outlook(position: int, pace: Sequence[bytes | None], first_since: float, now: float) -> Outlook:
    """The outlook of the job at that place. `pace`: when it was last claimed from, seconds between claims, seconds of a
    run; `first_since`: since when the queue's first job waits.

    A queue of which nobody claims is as slow as it has been waiting for, however quick it was before.
    """
    claimed, gap, run = (float(value) if value else None for value in pace)
    run = UNKNOWN_SECONDS if run is None else run
    idle = max(0.0, now - max(first_since, claimed or 0.0))
    each = max(idle, run if gap is None else gap)
    return Outlook(position, (position + 1) * each + run)
