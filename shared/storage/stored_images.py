"""Stored images: records and blobs together, so that no record is without its blob for long, nor the other way round.

A blob comes before its record and goes after it. Whoever finds a record without a blob takes that very record away; a
blob without a record is the collector's. After a failure of which nobody knows whether it was one, the blob stays: its
record may be there.
"""

import logging

from shared.contract.errors import NotFound, Refused, UnreadableRecord
from shared.storage.blobs import Blobs
from shared.storage.images import ImageStore, Kept, StoredImage

log = logging.getLogger("huemill.store")


class StoredImages:
    """What can be done with stored images. Any number of these at a time, of any number of processes, is safe."""

    def __init__(self, records: ImageStore, blobs: Blobs) -> None:
        self._records, self._blobs = records, blobs

    async def keep(self, upload_key: str, image: StoredImage) -> Kept:
        """Make a stored image of the upload, unless one of these bytes is there: that is kept for longer instead.

        The upload is gone afterwards.
        """
        try:
            kept = await self._usable(image.name)
            if kept is None:
                await self._blobs.rename(upload_key, image.key)
                kept = await self._add(image)
        finally:
            await self._blobs.delete(upload_key)
        return kept

    async def copy(self, name: str, to: str) -> StoredImage | None:
        """A second blob of the image, which neither's end touches; None where there is none. A use of it."""
        while (kept := await self._used(name)) is not None:
            try:
                await self._blobs.copy(kept.image.key, to)
            except NotFound:
                await self._records.lost(kept.image)
            else:
                return kept.image
        return None

    async def delete(self, name: str) -> bool:
        """Remove the image; False where there is none."""
        try:
            image = await self._records.take(name)
        except UnreadableRecord:
            return True  # the record was taken away; what it named is the collector's
        if image is None:
            return False
        await self._blobs.delete(image.key)
        return True

    async def expire(self, name: str) -> None:
        """Remove the image, unless it was used since it was listed as due."""
        image = await self._records.take_if_due(name)
        if image is not None:
            await self._blobs.delete(image.key)

    async def _used(self, name: str) -> Kept | None:
        """The image, as far as its record can be read."""
        try:
            return await self._records.use(name)
        except UnreadableRecord as error:
            log.warning("image %s: %s", name, error)
            return None

    async def _usable(self, name: str) -> Kept | None:
        """The image, if its bytes are there; it is kept for longer by this."""
        while (kept := await self._used(name)) is not None:
            if await self._blobs.exists(kept.image.key):
                return kept
            await self._records.lost(kept.image)
        return None

    async def _add(self, image: StoredImage) -> Kept:
        """Make the record of a blob; where another was quicker, that one counts, and the blob goes."""
        while True:
            try:
                kept = await self._records.add(image)
            except Refused:
                await self._blobs.delete(image.key)
                raise
            if kept.image.key == image.key:
                return kept
            if await self._blobs.exists(kept.image.key):
                await self._blobs.delete(image.key)
                return kept
            await self._records.lost(kept.image)
