"""A URL that a stranger gave, taken apart: what is no plain one, or not of the kinds that are allowed, is refused."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv6Address
from urllib.parse import quote, urlsplit

import httpcore

from shared.contract.errors import UrlRefused

PORTS = {"http": 80, "https": 443}
_SPACE_OR_CONTROL = re.compile(r"[\x00-\x20\x7f]")
_HOST = re.compile(r"[a-z0-9_-][a-z0-9._-]{0,252}")
_URL_CHARACTERS = "/%:@!$&'()*+,;=?-._~"


@dataclass(frozen=True)
class Target:
    """A URL that may be asked for, if its host's addresses may be dialled."""

    url: httpcore.URL
    host: str
    """In small letters and ASCII; an IPv6 address without brackets."""
    host_header: str


def target_of(text: str, *, schemes: Sequence[str], ports: Sequence[int], most_characters: int) -> Target:
    """Raises UrlRefused for what is no plain URL of these schemes and ports."""
    if len(text) > most_characters or _SPACE_OR_CONTROL.search(text):
        raise UrlRefused(f"The URL has white space in it, or more than {most_characters:,} characters.")
    if not text.lower().startswith(tuple(f"{scheme}://" for scheme in schemes)):
        raise UrlRefused(f"The URL should begin with {' or '.join(f'{scheme}://' for scheme in schemes)}.")
    try:
        parts = urlsplit(text)
        host, port = _ascii_host(parts.hostname or ""), parts.port
    except ValueError:
        raise UrlRefused("The URL is malformed: it should be like https://example.com/some/path.") from None
    if "@" in parts.netloc:
        raise UrlRefused("The URL has a user or a password in it: only URLs that need none are taken.")
    dialled = PORTS[parts.scheme] if port is None else port
    if dialled not in ports:
        allowed = ", ".join(map(str, ports))
        raise UrlRefused(f"The URL has the port {dialled}; the ports that are allowed are {allowed}.")
    query = f"?{quote(parts.query, _URL_CHARACTERS)}" if parts.query else ""
    path = quote(parts.path or "/", _URL_CHARACTERS) + query
    url = httpcore.URL(scheme=parts.scheme, host=host, port=port, target=path)
    bracketed = f"[{host}]" if ":" in host else host
    return Target(url, host, bracketed if port is None else f"{bracketed}:{port}")


def _ascii_host(host: str) -> str:
    """The host as it goes on the wire. Raises ValueError (of which UnicodeError is one)."""
    if ":" in host:
        if "%" in host:  # a zone is of one machine's own (RFC 9844), and may be of any characters
            raise ValueError(host)
        return str(IPv6Address(host))
    host = host.encode("idna").decode() if not host.isascii() else host
    if not _HOST.fullmatch(host):
        raise ValueError(host)
    return host
