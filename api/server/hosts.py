"""Which hosts a gateway answers for.

A page on the web can have a name of its own lead to 127.0.0.1, and then talk to what listens there from its visitor's
browser, as if that were its own site (DNS rebinding): keys are against that, and so is looking at the name.
"""

from collections.abc import Callable
from ipaddress import ip_address

from shared.runtime.settings import Settings, is_loopback

Answers = Callable[[str], bool]
"""Whether a host is answered for: lower-case, without its port, an IPv6 address in brackets, "" where none is told."""


def answers_for(settings: Settings, listens_at: str) -> Answers:
    """The hosts that an operator names, if he names any; else all, but for a gateway of this machine without keys."""
    if settings.allowed_hosts:
        return frozenset(host.lower() for host in settings.allowed_hosts).__contains__
    if settings.auth == "none" and is_loopback(listens_at):
        return is_nobodys_on_the_web
    return lambda host: True


def is_nobodys_on_the_web(host: str) -> bool:
    """Whether no page on the web can have this name: an address, one without a dot or below `localhost`, or none."""
    if "." not in host.removesuffix(".") or host.removesuffix(".").endswith(".localhost"):
        return True
    try:
        ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True
