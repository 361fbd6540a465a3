"""The keys that are in use: each is read from Redis at most every two seconds, however often it is used.

So a request costs no question to Redis, and a key that is revoked is refused within two seconds. Who is still here when
that happens (streams, sockets) is looked after by `watch`.
"""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import NamedTuple, TypeAlias

from api import metrics
from api.access.caller import Caller
from shared.access.model import Key, Secret
from shared.access.store import KeyReader
from shared.access.text import NoKey, read_key
from shared.contract.errors import Unauthorized, UnreadableRecord
from shared.jobs.model import now
from shared.jobs.streams import Streams

CACHE_SECONDS = 2.0
# Together with the time that a stream takes to be looked at: below the five seconds within which a key stops.
WATCH_SECONDS = 1.5
# Also of ids that there are not: whoever tries many costs a question each, and no more memory than this.
MOST_CACHED = 10_000

Staying: TypeAlias = AbstractContextManager[Callable[[], bool]]
"""Lasts as long as somebody stays, and tells at any time whether he still may."""

log = logging.getLogger("huemill.access")


def no_longer_valid() -> Unauthorized:
    """For who was let in, and has stayed for longer than his key."""
    return Unauthorized("This API key is not valid any more.", given=True)


class _Read(NamedTuple):
    """A key as it was when it was last read."""

    key: Key | None
    at: float
    """By the monotonic clock."""


class _Guest(NamedTuple):
    """Somebody who is here for longer."""

    caller: Caller
    job_id: str
    """The job that he follows; empty where he follows none."""


class Keyring:
    """Knows who may come in, and who may stay."""

    NAME = "keys"

    def __init__(self, reader: KeyReader, streams: Streams) -> None:
        self._reader, self._streams = reader, streams
        self._read: dict[str, _Read] = {}
        self._guests: set[_Guest] = set()

    async def caller_of(self, text: str | None) -> Caller:
        """Who has sent this as his key; None where there was none. Raises Unauthorized, which is the same for every key
        that is wrong; what is wrong with it, the log tells.
        """
        if text is None:
            metrics.keys_refused.labels("missing").inc()
            raise Unauthorized(
                "This service asks for an API key: send it as `Authorization: Bearer hm_...` or as `X-API-Key`. "
                "Its operator makes one.",
                given=False,
            )
        key, secret = None, None
        try:
            found = read_key(text)
            key = await self._key(found.id, CACHE_SECONDS)
            secret = None if key is None else key.secret_of(found)
            wrong = _wrong(key, secret)
        except NoKey as error:
            wrong = str(error)
        if wrong is None:
            return Caller(key, secret)
        metrics.keys_refused.labels(wrong).inc()
        # Of what comes as a key nothing is repeated but an id that there is: anything else may be somebody's secret.
        log.info("a key is refused: %s", wrong, extra={} if key is None else {"key_id": key.id})
        raise Unauthorized(
            "This API key is not valid: it was mistyped, is unknown, has expired or was revoked.", given=True
        )

    async def may_stay(self, caller: Caller) -> bool:
        """Whether he would still be let in, as of at most two seconds ago."""
        return caller.key is None or _wrong(await self._key(caller.owner, CACHE_SECONDS), caller.secret) is None

    @contextmanager
    def staying(self, caller: Caller, job_id: str = "") -> Iterator[Callable[[], bool]]:
        """While the context lasts he sends a body, or follows a job; what it gives tells at any time whether he still
        may. When he may no more, the job's stream is looked at, so that he hears of it.
        """
        guest = _Guest(caller, job_id)
        if caller.key is not None:
            self._guests.add(guest)
        try:
            yield partial(self._stays, caller)
        finally:
            self._guests.discard(guest)

    def _stays(self, caller: Caller) -> bool:
        read = self._read.get(caller.owner)
        return caller.key is None or _wrong(caller.key if read is None else read.key, caller.secret) is None

    async def watch(self) -> None:
        """Read the keys of all who stay, and let the streams of those be looked at who may stay no longer."""
        for owner in {guest.caller.owner for guest in self._guests}:
            await self._key(owner, 0.0)
        callers = {guest.caller.credentials: guest.caller for guest in self._guests}
        gone = {credentials for credentials, caller in callers.items() if not self._stays(caller)}
        self._streams.look_at(guest.job_id for guest in self._guests if guest.caller.credentials in gone)

    async def callback_secrets(self, owner: str) -> list[str]:
        """What the callbacks of this owner's jobs are signed with; none where his key is not there any more."""
        key = await self._key(owner, CACHE_SECONDS)
        return [] if key is None else key.callback_secrets(now())

    async def _key(self, key_id: str, age: float) -> Key | None:
        """The key as it was at most `age` seconds ago. Raises Unavailable."""
        read = self._read.get(key_id)
        if read is not None and time.monotonic() - read.at < age:
            return read.key
        try:
            key = await self._reader.get(key_id)
        except UnreadableRecord as error:
            log.error("key %s: %s", key_id, error)
            key = None
        self._read.pop(key_id, None)
        self._read[key_id] = _Read(key, time.monotonic())
        while len(self._read) > MOST_CACHED:
            del self._read[next(iter(self._read))]
        return key


def _wrong(key: Key | None, secret: Secret | None) -> str | None:
    """Why a secret of a key does not let anybody in, as a stable word; None where it does."""
    if key is None or secret is None:
        return "unknown"
    at = now()
    if (wrong := key.wrong_at(at)) is not None:
        return wrong
    held = any(other.digest == secret.digest and other.is_valid(at) for other in key.secrets)
    return None if held else "replaced"
