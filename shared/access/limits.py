"""How much the holder of a key may use: what an operator writes, as numbers."""

import math
import re
from datetime import timedelta

from pydantic import BaseModel, ConfigDict, Field

# RateLimit's integers have 15 digits (RFC 9651), and a bucket's arithmetic is in doubles: below this both are exact.
MOST = 10**12
_UNITS = {"s": 1, "sec": 1, "second": 1, "min": 60, "minute": 60, "h": 3600, "hour": 3600, "d": 86400, "day": 86400}
_TIMES = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
MOST_DAYS = 36_500


class Rate(BaseModel):
    """So many in so many seconds."""

    model_config = ConfigDict(frozen=True)

    count: int = Field(ge=1, le=MOST)
    seconds: int = Field(ge=1)


class KeyLimits(BaseModel):
    """What a key may use; None: without a limit of its own."""

    model_config = ConfigDict(frozen=True)

    requests: Rate | None = None
    max_queued: int | None = Field(None, ge=1, le=MOST)
    """Jobs that wait at the same time."""
    pixels_per_hour: int | None = Field(None, ge=1, le=MOST)
    """Of the images of jobs that are computed."""

    @property
    def of_jobs(self) -> bool:
        """Whether there is one that only new jobs use up."""
        return self.max_queued is not None or self.pixels_per_hour is not None


def read_rate(text: str) -> Rate:
    """`60/min`, `5/s`, `1000/hour`. Raises ValueError with a sentence."""
    count, slash, unit = text.strip().partition("/")
    if not slash or unit.strip() not in _UNITS:
        raise ValueError("should be a number, a slash and s, min, h or d, such as 60/min")
    return Rate(count=read_count(count), seconds=_UNITS[unit.strip()])


def read_count(text: str) -> int:
    """`100`, `2e9`, `1_000_000`: a whole number from 1 to 10^12. Raises ValueError with a sentence."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not (1 <= number <= MOST and number == int(number)):
        raise ValueError("should be a whole number from 1 to 10^12, such as 100 or 2e9")
    return int(number)


def read_time(text: str) -> timedelta:
    """`90d`, `24h`, `30m`, `45s`. Raises ValueError with a sentence."""
    match = re.fullmatch(r"([0-9]{1,9})([smhd])", text.strip(), re.ASCII)
    if match is not None:
        time = timedelta(**{_TIMES[match[2]]: int(match[1])})
        if time <= timedelta(days=MOST_DAYS):
            return time
    raise ValueError("should be a number and s, m, h or d, such as 90d or 24h, and at most a hundred years")


def read_lifetime(text: str) -> timedelta:
    """The same, for what must last for a while."""
    time = read_time(text)
    if not time:
        raise ValueError("should be longer than nothing, such as 90d or 24h")
    return time
