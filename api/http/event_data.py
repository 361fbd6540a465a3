"""A job's events as clients see them, whichever way they come."""

import re
from typing import Any

from shared.contract.errors import InvalidRequest
from shared.jobs.events import FIRST, Event

EVENTS_GONE = "The events of this job are not kept any more; the job itself tells how it ended."


def after_of(text: str | None, name: str) -> str:
    """The id of the event that a client has heard last, as it gives it by `name`; before all where it gives none."""
    if text is None:
        return FIRST
    parts = re.fullmatch(r"([0-9]{1,20})-([0-9]{1,20})", text)
    if parts is None or max(map(int, parts.groups())) >= 2**64:
        raise InvalidRequest(f"{name} is the id of an event of this stream; got {text[:64]!r}.")
    return text


def data_of(event: Event) -> dict[str, Any]:
    """What an event tells: the job's status, and what belongs to it."""
    return {"status": "running" if event.name == "progress" else event.name, **event.data}
