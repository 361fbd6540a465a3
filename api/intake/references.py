"""Files that a request only names: fetched from their URL, or copied from the stored images."""

from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

from api.intake.fetch import Fetcher
from api.intake.filenames import clean_filename
from api.intake.forms.parts import FilePart, ReferencePart
from api.intake.uploads import RequestFiles
from shared.contract.errors import UnknownImage
from shared.jobs.model import Upload
from shared.storage.keys import image_name
from shared.storage.stored_images import StoredImages


class References:
    """Knows the ways in which a file can be named."""

    def __init__(self, fetcher: Fetcher, images: StoredImages) -> None:
        self._fetcher, self._images = fetcher, images

    async def store(self, part: ReferencePart, files: RequestFiles, owner: str) -> None:
        """Store what the part names among the request's files, which are the owner's. Raises what fetching does, or
        UnknownImage.
        """
        if part.kind == "url":
            async with self._fetcher.open(part.value, owner) as chunks:
                filename = clean_filename(unquote(PurePosixPath(urlsplit(part.value).path).name))
                await files.store(FilePart(part.name, filename, chunks))
        else:
            await self._copy(part, files, owner)

    async def _copy(self, part: ReferencePart, files: RequestFiles, owner: str) -> None:
        """A copy of a stored image, so that neither's life depends on the other's."""
        key = files.key_of(part.name)
        image = await self._images.copy(image_name(part.value, owner), key)
        if image is None:
            raise UnknownImage(
                f"No image with the SHA-256 {part.value} is stored here (any more). "
                f"Send it to POST /v1/images, or with the job as `{part.name}`."
            )
        files.add(part.name, Upload(key=key, size=image.size, sha256=image.sha256))
