"""Which web pages a browser lets use the gateway (Fetch standard; RFC 6455, section 10.2)."""

from collections.abc import Sequence


def is_allowed(origin: str, origins: Sequence[str]) -> bool:
    """Whether the operator has named the origin of a page, or all."""
    return "*" in origins or origin.lower() in (each.lower() for each in origins)


def may_connect(origin: str | None, host: str, origins: Sequence[str]) -> bool:
    """Whether a WebSocket may be opened: by who is no page and sends no origin, by the gateway's own pages, and by
    those that the operator has named. A browser asks nobody else before it opens one.
    """
    if origin is None or is_allowed(origin, origins):
        return True
    return origin.lower().partition("://")[2] == host.lower()
