"""One request to a receiver that a stranger named, and what became of it."""

import asyncio
import ssl
import time
from collections.abc import Mapping
from contextlib import suppress
from email.utils import parsedate_to_datetime
from typing import NamedTuple

import httpcore

from api.callbacks.wish import target_of_wish
from api.dialling.dialler import Dialler, Resolve, header_of
from shared.contract.errors import InvalidParams, UrlRefused
from shared.jobs.model import now
from shared.runtime.settings import Settings

TIMEOUT_SECONDS = 20.0
MAX_ANSWER_BYTES = 64 * 1024
GONE = "gone"


class Answer(NamedTuple):
    """What became of a request."""

    status: int | None
    """None where there was no answer."""
    error: str | None
    """Why it does not count: timeout, unreachable, tls, protocol, blocked, redirect, gone, status; None where it does.

    A host that is not known is `blocked` too: else names of an inner network could be listed.
    """
    seconds: float
    retry_after: float = 0.0
    """Seconds for which the receiver wants to be left alone."""


class Poster:
    """The gateway's way to receivers. `resolve` is the system's resolver unless another is given."""

    def __init__(
        self,
        settings: Settings,
        at_once: int,
        resolve: Resolve | None = None,
        timeout_seconds: float = TIMEOUT_SECONDS,
    ) -> None:
        self._settings, self._timeout = settings, timeout_seconds
        self._dialler = Dialler(settings.callback_allow, at_once, resolve)

    def close(self) -> None:
        self._dialler.close()

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Send it once; whatever happens is an answer. No redirect is followed."""
        begin = time.monotonic()
        status, asked, error = None, 0.0, "unreachable"
        try:
            target = target_of_wish(url, self._settings)
            async with (
                asyncio.timeout(self._timeout),
                self._dialler.request("POST", target, headers, body, self._timeout) as response,
            ):
                status, asked = response.status, _seconds(header_of(response, b"retry-after"))
                await _read_off(response)
        except (UrlRefused, InvalidParams):  # what is allowed may have changed since it was given
            error = "blocked"
        except (TimeoutError, httpcore.TimeoutException):
            error = "timeout"
        except httpcore.NetworkError as failure:
            error = "tls" if isinstance(failure.__cause__, ssl.SSLError) else "unreachable"
        except ssl.SSLError:  # in the midst of it; httpcore tells a handshake's alone
            error = "tls"
        except httpcore.ProtocolError:
            error = "protocol"
        seconds = time.monotonic() - begin
        return Answer(status, error if status is None else _error_of(status), seconds, asked)


async def _read_off(response: httpcore.Response) -> None:
    """Let the receiver say what it has to say, of which nothing is kept: its status is known by now."""
    read = 0
    async for chunk in response.aiter_stream():
        read += len(chunk)
        if read > MAX_ANSWER_BYTES:
            return


def _error_of(status: int) -> str | None:
    if 200 <= status < 300:
        return None
    if status == 410:
        return GONE
    return "redirect" if 300 <= status < 400 else "status"


def _seconds(retry_after: str) -> float:
    """Of a Retry-After field, which has seconds or a date (RFC 9110, section 10.2.3); 0 where it has neither."""
    if retry_after.isascii() and retry_after.isdecimal():
        return float(retry_after[:9])
    with suppress(ValueError, TypeError, OverflowError):  # the last for years and zones of many digits
        return max(0.0, (parsedate_to_datetime(retry_after) - now()).total_seconds())
    return 0.0
