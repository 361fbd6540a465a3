"""Where a job's client wants to be called back, checked when the job is posted: what can be known without asking a name
server. What its name leads to is checked whenever it is dialled.
"""

import socket
from collections.abc import Mapping
from typing import Any, NoReturn

from api.dialling.addresses import may_be_dialled
from api.dialling.urls import Target, target_of
from shared.contract.errors import LONG, CallbacksDisabled, FieldError, InvalidParams, UrlRefused
from shared.jobs.deliveries import ENDS, EVENTS
from shared.jobs.model import Callback
from shared.runtime.settings import Settings

MAX_URL_CHARACTERS = 2048


def callback_of(given: Mapping[str, Any], settings: Settings) -> Callback | None:
    """The callback of `callback_url` and `callback_events`, of which `given` has what is given; None where neither is.

    Raises InvalidParams for what is wrong with them, and CallbacksDisabled.
    """
    if not given:
        return None
    if not settings.callback_secret and settings.auth != "keys":  # each key has a secret of its own
        raise CallbacksDisabled(
            "This service calls nobody back: its operator has set no secret to sign with (HUEMILL_CALLBACK_SECRET). "
            "Leave out callback_url and callback_events, and follow the job's events instead."
        )
    if "callback_url" not in given:
        _refuse("callback_events", given["callback_events"], "is given without callback_url")
    target = target_of_wish(given["callback_url"], settings)
    events = _events(given["callback_events"]) if "callback_events" in given else ENDS
    return Callback(url=given["callback_url"], host=target.host, events=events)


def target_of_wish(url: Any, settings: Settings) -> Target:
    """Where the URL leads by these settings, which may have changed since it was given. Raises InvalidParams."""
    if not isinstance(url, str):
        _refuse("callback_url", url, "should be a URL, as a string")
    shown = LONG if "@" in url else url  # a password is not sent back
    schemes = ("https", "http") if settings.callback_allow_http else ("https",)
    try:
        target = target_of(url, schemes=schemes, ports=settings.callback_ports, most_characters=MAX_URL_CHARACTERS)
    except UrlRefused as error:
        _refuse("callback_url", shown, f"is refused. {error}")
    address = _literal(target.host)
    if address is not None and not may_be_dialled(address, settings.callback_allow):
        _refuse("callback_url", shown, "is refused. The URL's host is an address that is not on the public Internet.")
    return target


def _literal(host: str) -> str | None:
    """The address that a host is, in whatever notation: `2130706433` and `0x7f.1` are 127.0.0.1. None for a name."""
    if ":" in host:
        return host
    try:
        return socket.inet_ntoa(socket.inet_aton(host))
    except OSError:
        return None


def _events(given: Any) -> tuple[str, ...]:
    """The events of a list, or of text with commas between them, as a query has it; each once."""
    names = [name.strip() for name in given.split(",")] if isinstance(given, str) else given
    if not isinstance(names, list) or not names or not all(isinstance(n, str) and n in EVENTS for n in names):
        _refuse("callback_events", given, f"should be a list of one or more of {', '.join(EVENTS)}")
    return tuple(dict.fromkeys(names))


def _refuse(name: str, value: Any, message: str) -> NoReturn:
    raise InvalidParams([FieldError(field=name, value=value, message=message)])
