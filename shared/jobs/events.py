"""A job's events, as its stream in Redis holds them."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson

FIRST = "0-0"
"""An id before all events."""


class Event(NamedTuple):
    """One entry of a job's stream."""

    id: str
    name: str
    data: dict[str, Any]


def event_of(entry_id: str, fields: Mapping[bytes, bytes]) -> Event | None:
    """None where the entry is none of ours."""
    try:
        return Event(entry_id, fields[b"name"].decode(), orjson.loads(fields[b"data"]))
    except (KeyError, ValueError):
        return None


def place_of(event_id: str) -> tuple[int, int]:
    """Where the event stands in its stream: milliseconds, and a number for those of the same."""
    milliseconds, _, number = event_id.partition("-")
    return int(milliseconds), int(number)
