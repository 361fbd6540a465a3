"""The sweep of stored images: removes those that nobody used for long."""

from api.upkeep.troubles import Troubles
from shared.contract.errors import UnreadableRecord
from shared.storage.images import ImageStore
from shared.storage.stored_images import StoredImages


class ImageSweeper:
    """Sees to stored images whose time has come."""

    NAME = "image_sweep"

    def __init__(self, records: ImageStore, images: StoredImages, troubles: Troubles) -> None:
        self._records, self._images, self._troubles = records, images, troubles

    async def sweep(self) -> None:
        """Remove what is due; one image that makes trouble does not stand in the way of the others."""
        for sha256 in await self._records.due():
            with self._troubles.survived(self.NAME, f"image {sha256}") as raised:
                try:
                    await self._images.expire(sha256)
                except UnreadableRecord as error:
                    self._troubles.unreadable("image", sha256, error)
            if raised:
                await self._records.put_off(sha256)
