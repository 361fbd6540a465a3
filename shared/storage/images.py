"""Images that are stored once and named by many jobs: their records.

A record names the blob; a blob's key is never used again. So whoever has taken a record away, alone, may remove its
blob, while others store the same image anew. Jobs have copies of their own and do not depend on any of this.
"""

from datetime import UTC, datetime
from typing import Any, NamedTuple, cast

from pydantic import BaseModel, ConfigDict
from redis.asyncio import Redis

from shared.jobs.keys import IMAGES, image_record_key
from shared.runtime.connections import time_of
from shared.runtime.redis_errors import asks_redis

PUT_OFF_SECONDS = 60.0

# Take away an image's record if it is due, and give it back: KEYS record, sorted set; ARGV sha256, now.
_TAKE_IF_DUE = """
local due = redis.call('ZSCORE', KEYS[2], ARGV[1])
if not due or tonumber(due) > tonumber(ARGV[2]) then
  return false
end
redis.call('ZREM', KEYS[2], ARGV[1])
return redis.call('GETDEL', KEYS[1])
"""


class StoredImage(BaseModel):
    """What is known of a stored image. `width` and `height` are as it is seen, upright."""

    model_config = ConfigDict(frozen=True)

    sha256: str
    key: str
    """Where its bytes are in the blob store."""
    size: int
    media_type: str
    width: int
    height: int


class Kept(NamedTuple):
    """A stored image, and until when it is there if nobody uses it."""

    image: StoredImage
    expires_at: datetime


class ImageStore:
    """The records of stored images."""

    def __init__(self, redis: Redis, ttl_seconds: float) -> None:
        self._redis, self._ttl = redis, ttl_seconds
        self._take_if_due = redis.register_script(_TAKE_IF_DUE)

    @asks_redis
    async def add(self, image: StoredImage) -> Kept:
        """Store the record, unless there is one of these bytes already; either way, the one that counts."""
        expiry = await time_of(self._redis) + self._ttl
        key = image_record_key(image.sha256)
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.set(key, image.model_dump_json(), nx=True)
            pipe.get(key)
            pipe.zadd(IMAGES, {image.sha256: expiry})
            _, record, _ = await pipe.execute()
        return _kept(record, expiry)

    @asks_redis
    async def use(self, sha256: str) -> Kept | None:
        """The image, which is kept for longer by this."""
        expiry = await time_of(self._redis) + self._ttl
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.get(image_record_key(sha256))
            pipe.zadd(IMAGES, {sha256: expiry}, xx=True)
            record, _ = await pipe.execute()
        return _kept(record, expiry) if record else None

    @asks_redis
    async def get(self, sha256: str) -> Kept | None:
        """The image; looking at it is no use."""
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.get(image_record_key(sha256))
            pipe.zscore(IMAGES, sha256)
            record, expiry = await pipe.execute()
        return _kept(record, expiry) if record else None

    @asks_redis
    async def take(self, sha256: str) -> StoredImage | None:
        """Take the record away: its blob is the caller's to remove."""
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.getdel(image_record_key(sha256))
            pipe.zrem(IMAGES, sha256)
            record, _ = await pipe.execute()
        return StoredImage.model_validate_json(record) if record else None

    @asks_redis
    async def due(self, limit: int = 100) -> list[str]:
        """The images that nobody used for long, by their SHA-256."""
        found = cast(
            list[bytes],
            await self._redis.zrange(
                IMAGES, "-inf", str(await time_of(self._redis)), byscore=True, offset=0, num=limit
            ),
        )
        return [raw.decode() for raw in found]

    @asks_redis
    async def put_off(self, sha256: str) -> None:
        """Let nobody look for a while whether the image is due: one that makes trouble must not hide all others."""
        await self._redis.zadd(IMAGES, {sha256: await time_of(self._redis) + PUT_OFF_SECONDS}, xx=True)

    @asks_redis
    async def take_if_due(self, sha256: str) -> StoredImage | None:
        """Take the record away unless it was used since: its blob is the caller's to remove."""
        keys = [image_record_key(sha256), IMAGES]
        record = await cast(Any, self._take_if_due(keys=keys, args=[sha256, await time_of(self._redis)]))
        return StoredImage.model_validate_json(record) if record else None


def _kept(record: bytes, expiry: float) -> Kept:
    return Kept(StoredImage.model_validate_json(record), datetime.fromtimestamp(expiry, UTC))
