"""The sweep of stored images: removes those that nobody used for long."""

from api.upkeep.failures import Failures
from shared.contract.errors import UnreadableRecord
from shared.storage.images import ImageStore
from shared.storage.stored_images import StoredImages


class ImageSweeper:
    """Sees to stored images whose time has come."""

    NAME = "image_sweep"

    def __init__(self, records: ImageStore, images: StoredImages, failures: Failures) -> None:
        self._records, self._images, self._failures = records, images, failures

    async def sweep(self) -> None:
        """Remove what is due; one image that makes trouble does not stand in the way of the others."""
        for sha256 in await self._records.due():
            with self._failures.contained(self.NAME, f"image {sha256}") as raised:
                try:
                    await self._images.expire(sha256)
                except UnreadableRecord as error:
                    self._failures.unreadable("image", sha256, error)
            if raised:
                await self._records.put_off(sha256)
