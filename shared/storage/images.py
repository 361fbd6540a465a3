"""Images that are stored once and named by many jobs: their records. `stored_images.py` has them with their bytes.

A record names the blob; a blob's key is never used again. So whoever has taken a record away, alone, may remove its
blob, while others store the same image anew. Jobs have copies of their own and do not depend on any of this.
"""

from contextlib import suppress
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any, Literal, NamedTuple, cast

from pydantic import BaseModel, ConfigDict, ValidationError
from redis.asyncio import Redis

from shared.contract.errors import UnreadableRecord
from shared.jobs.keys import IMAGES, image_record_key
from shared.runtime.connections import time_of
from shared.runtime.redis_errors import asks_redis
from shared.runtime.together import Together
from shared.storage.keys import image_name

PUT_OFF_SECONDS = 60.0
_KEEP, _TAKE = (files("shared.storage").joinpath(name).read_text() for name in ("keep_image.lua", "take_image.lua"))


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
    owner: str = ""
    """Whose it is: the same bytes of two owners are two images."""

    @property
    def name(self) -> str:
        return image_name(self.sha256, self.owner)


class Kept(NamedTuple):
    """A stored image, and until when it is there if nobody uses it."""

    image: StoredImage
    expires_at: datetime


class ImageStore:
    """The records of stored images, by their names. What cannot be read raises UnreadableRecord."""

    def __init__(self, redis: Redis, ttl_seconds: float) -> None:
        self._redis, self._ttl = redis, ttl_seconds
        self._keep, self._take = redis.register_script(_KEEP), redis.register_script(_TAKE)
        self._together = Together(redis)

    @asks_redis
    async def add(self, image: StoredImage) -> Kept:
        """Store the record, unless there is one of these bytes already; either way, the one that counts."""
        while True:
            record, expiry = await self._keep_for_longer(image.name, image.model_dump_json())
            try:
                return _kept(record, expiry)
            except UnreadableRecord:
                await self._remove(image.name, only=record)  # it would stand in the way of these bytes for ever

    @asks_redis
    async def use(self, name: str) -> Kept | None:
        """The image, which is kept for longer by this."""
        answer = await self._keep_for_longer(name)
        return _kept(*answer) if answer else None

    @asks_redis
    async def get(self, name: str) -> Kept | None:
        """The image; looking at it is no use."""
        record, expiry = await self._together(["GET", image_record_key(name)], ["ZSCORE", IMAGES, name])
        if record is None:
            return None
        if expiry is None:
            raise UnreadableRecord("The record of this stored image is not among those that expire.")
        return _kept(record, expiry)

    @asks_redis
    async def take(self, name: str) -> StoredImage | None:
        """Take the record away: its blob is the caller's to remove. What cannot be read is taken away all the same."""
        record = await self._remove(name)
        return None if record is None else _read(record)

    @asks_redis
    async def lost(self, image: StoredImage) -> None:
        """Take the record away if it is still this image's, whose bytes are not there: it would stand in the way."""
        with suppress(UnreadableRecord):  # then it is another one
            record = cast(bytes | None, await self._redis.get(image_record_key(image.name)))
            if record is not None and _read(record).key == image.key:
                await self._remove(image.name, only=record)

    @asks_redis
    async def due(self, limit: int = 100) -> list[str]:
        """The names of images that nobody used for long."""
        clock = str(await time_of(self._redis))
        found = cast(list[bytes], await self._redis.zrange(IMAGES, "-inf", clock, byscore=True, offset=0, num=limit))
        strange = [raw for raw in found if not raw.isascii()]
        if strange:
            await self._redis.zrem(IMAGES, *strange)  # no key of an image has such a name
        return [raw.decode() for raw in found if raw.isascii()]

    @asks_redis
    async def put_off(self, name: str) -> None:
        """Let nobody look for a while whether the image is due: one that makes trouble must not hide all others."""
        await self._together(["ZADD", IMAGES, "XX", str(await time_of(self._redis) + PUT_OFF_SECONDS), name])

    @asks_redis
    async def take_if_due(self, name: str) -> StoredImage | None:
        """Take the record away unless it was used since: its blob is the caller's to remove."""
        record = await self._remove(name, when="due")
        return None if record is None else _read(record)

    async def _keep_for_longer(self, name: str, record: str = "") -> Any:
        """The record that there is, or else this one, and its expiry."""
        return await cast(Any, self._keep([image_record_key(name), IMAGES], [name, self._ttl, record]))

    async def _remove(self, name: str, when: Literal["due", ""] = "", only: bytes = b"") -> bytes | None:
        """The record that was taken away, if one was."""
        keys = [image_record_key(name), IMAGES]
        return cast(bytes | None, await cast(Any, self._take(keys, [name, when, only])))


def _kept(record: bytes, expiry: bytes | float) -> Kept:
    return Kept(_read(record), datetime.fromtimestamp(float(expiry), UTC))


def _read(record: bytes) -> StoredImage:
    """A record; of a later version as far as it is known here."""
    try:
        return StoredImage.model_validate_json(record)
    except ValidationError as error:
        raise UnreadableRecord("The record of this stored image is broken.") from error
