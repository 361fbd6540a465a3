"""What a key may use, and how much of that is left, as fields of an answer (draft-ietf-httpapi-ratelimit-headers-10).

Both are lists of structured fields (RFC 9651): `"requests";q=60;w=60` and `"requests";r=59;t=1`. The draft's registry
has no unit for pixels; ours stands there as its others do.
"""

import math

from api.access.caller import Caller
from shared.access.limits import KeyLimits
from shared.access.quotas import HOUR

POLICIES = ("requests", "pixels", "queued")


def rate_limit_fields(caller: Caller) -> list[tuple[bytes, bytes]]:
    """The policies of the caller's key, and where he stands with those that the request was about."""
    fields = [(b"ratelimit-policy", _policies(caller.limits).encode())]
    standings = [caller.standings[name] for name in POLICIES if name in caller.standings]
    if standings:
        items = []
        for standing in standings:
            until = "" if standing.seconds is None else f";t={math.ceil(standing.seconds)}"
            items.append(f'"{standing.policy}";r={max(0, standing.left)}{until}')
        fields.append((b"ratelimit", ", ".join(items).encode()))
    return fields


def _policies(limits: KeyLimits) -> str:
    items = []
    if limits.requests is not None:
        items.append(f'"requests";q={limits.requests.count};w={limits.requests.seconds}')
    if limits.pixels_per_hour is not None:
        items.append(f'"pixels";q={limits.pixels_per_hour};qu="pixels";w={HOUR}')
    if limits.max_queued is not None:
        items.append(f'"queued";q={limits.max_queued};qu="concurrent-requests"')
    return ", ".join(items)
