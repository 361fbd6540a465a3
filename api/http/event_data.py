"""A job's events as clients see them, whichever way they come."""

import re
from typing import Any

from shared.contract.errors import InvalidRequest
from shared.jobs.events import FIRST, Event

EVENT_ID = "^([0-9]{1,19}-[0-9]{1,19})?$"
"""Redis' form: milliseconds and a number, of 64 bits each. Empty where a client has seen no event."""


def after_of(text: str | None, name: str) -> str:
    """The id of the event that a client has heard last, as it gives it by `name`; before all where it gives none."""
    if not text:
        return FIRST
    if not re.fullmatch(EVENT_ID, text):
        raise InvalidRequest(f"{name} is the id of an event of this stream; got {text[:64]!r}.")
    return text


def data_of(event: Event) -> dict[str, Any]:
    """What an event tells: the job's status, and what belongs to it."""
    return {"status": "running" if event.name == "progress" else event.name, **event.data}
