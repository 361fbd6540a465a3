"""The records of keys in Redis: for the operator, who makes and changes them, and for gateways, which read them."""

from collections.abc import Callable
from importlib.resources import files
from typing import Any, cast

from pydantic import ValidationError
from redis import Redis
from redis.asyncio import Redis as AsyncRedis

from shared.access.model import Key
from shared.contract.errors import UnreadableRecord
from shared.jobs.keys import API_KEYS, api_key_key
from shared.runtime.redis_errors import asks_redis

# A key that was revoked is kept for so long: callbacks of its jobs are still signed, and the list shows it.
REVOKED_KEPT_SECONDS = 30 * 86400
_REPLACE = files("shared.access").joinpath("replace.lua").read_text()


class KeyBook:
    """All keys, for an operator. Redis' errors stay what they are."""

    def __init__(self, redis: Redis) -> None:
        self._redis, self._replace = redis, redis.register_script(_REPLACE)

    def add(self, key: Key) -> None:
        if not self._put(b"", key):
            raise RuntimeError(f"there is a key {key.id} already")  # 62 random bits came twice

    def all(self) -> tuple[list[Key], list[str]]:
        """The keys, the oldest first; and the ids of those whose records cannot be read."""
        ids = cast(list[bytes], self._redis.zrange(API_KEYS, 0, -1))
        found, broken, gone = [], [], []
        for key_id in (raw.decode(errors="replace") for raw in ids):
            record = cast(bytes | None, self._redis.get(api_key_key(key_id)))
            if record is None:
                gone.append(key_id)
                continue
            try:
                found.append(_read(record))
            except UnreadableRecord:
                broken.append(key_id)
        if gone:
            self._redis.zrem(API_KEYS, *gone)
        return found, broken

    def change(self, key_id: str, change: Callable[[Key], Key]) -> Key | None:
        """The key as it is after a change of what it is now; None where there is none. What `change` raises is raised
        here, and nothing is changed. Raises UnreadableRecord.
        """
        while True:
            record = cast(bytes | None, self._redis.get(api_key_key(key_id)))
            if record is None:
                return None
            changed = change(_read(record))
            if self._put(record, changed):
                return changed

    def _put(self, before: bytes, key: Key) -> bool:
        """False where it is not any more as it was before."""
        goes_after = REVOKED_KEPT_SECONDS if key.revoked_at else ""
        args: list[Any] = [before, key.model_dump_json(), goes_after, key.id, key.created_at.timestamp()]
        return bool(self._replace([api_key_key(key.id), API_KEYS], args))


class KeyReader:
    """One key after the other, for a gateway."""

    def __init__(self, redis: AsyncRedis) -> None:
        self._redis = redis

    @asks_redis
    async def get(self, key_id: str) -> Key | None:
        """The key. Raises UnreadableRecord."""
        record = cast(bytes | None, await self._redis.get(api_key_key(key_id)))
        return None if record is None else _read(record)


def _read(record: bytes) -> Key:
    """A record; of a later version as far as it is known here."""
    try:
        return Key.model_validate_json(record)
    except ValidationError:
        # Without the cause, whose words show what stands in the record.
        raise UnreadableRecord("The record of this key is broken, or of a later version of huemill.") from None
