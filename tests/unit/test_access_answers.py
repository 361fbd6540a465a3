"""What is told with each answer to who has a key."""

import asyncio
from datetime import UTC, datetime

import pytest
from starlette.types import Message

from api.access.caller import Caller
from api.http.access import _telling
from shared.access.limits import KeyLimits, Rate
from shared.access.model import made_key

AT = datetime(2026, 11, 29, tzinfo=UTC)


def told(limits: KeyLimits, *fields: tuple[bytes, bytes]) -> dict[bytes, bytes]:
    """The fields of an answer that comes with these."""
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    caller = Caller(made_key("a name", frozenset(), limits, AT, None).key)
    start: Message = {"type": "http.response.start", "status": 200, "headers": list(fields)}
    asyncio.run(_telling(caller, send)(start))
    return dict(sent[0]["headers"])


@pytest.mark.parametrize("limits", [KeyLimits(), KeyLimits(requests=Rate(count=60, seconds=60))])
def test_no_cache_keeps_an_answer_for_somebody_else(limits: KeyLimits) -> None:
    """Whatever says nothing of caches is for who asked, with a key in whichever field; what says something is left."""
    assert told(limits)[b"cache-control"] == b"private, no-cache"
    kept = (b"cache-control", b"private, immutable, max-age=86400")
    assert told(limits, kept)[b"cache-control"] == kept[1]
    assert (b"ratelimit-policy" in told(limits)) == (limits.requests is not None)
