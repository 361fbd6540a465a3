"""A request's body -> its files in the blob store and its parameters: one pass, and nothing left if anything is wrong.

query      -> parameters and callback, or InvalidParams before a byte of the body is read
body       -> parts (forms/): files are stored as they come, parameters are parsed, references are noted
references -> files, fetched or copied
headers    -> what is no image, too large, cut off, or in vain with these parameters is refused
"""

from typing import NamedTuple

from api.intake.body import Body
from api.intake.forms import read_form
from api.intake.forms.parts import FilePart, ParamsPart, ReferencePart
from api.intake.forms.query import query_values
from api.intake.given import Given
from api.intake.references import References
from api.intake.upload_slots import Slots
from api.intake.uploads import Uploads
from shared.contract.description import Description, split_query
from shared.contract.errors import InvalidRequest, errors_about
from shared.contract.params import AnyParams, check_mask_size, check_reference_size, check_region
from shared.formats import MEDIA_TYPES, Header
from shared.jobs.model import Callback, Upload, new_job_id
from shared.runtime.settings import Settings
from shared.storage.images import StoredImage
from shared.storage.keys import image_key, image_name, owner_of


class Received(NamedTuple):
    """What a job is made of."""

    image: Upload
    mask: Upload | None
    params: AnyParams
    description: Description
    callback: Callback | None
    pixels: int
    """Of the image, all of them."""


class Intake:
    """Takes bodies in, of so many requests at the same time as there are slots."""

    def __init__(self, uploads: Uploads, references: References, slots: Slots, settings: Settings) -> None:
        self._uploads, self._references, self._slots, self._settings = uploads, references, slots, settings

    async def receive(self, body: Body, job_id: str, owner: str = "") -> Received:
        """Store a job's files under its upload keys, and read its parameters. Stored images are the owner's.

        Raises a HuemillError, and leaves no blob behind, when anything is wrong with any of them.
        """
        given = Given(self._settings)
        described, rest = split_query(body.query)
        given.take({**described, **query_values(rest)}, "the query")
        references: list[ReferencePart] = []
        async with self._uploads.of(job_id) as files:
            with self._slots.one(owner):
                async for part in read_form(body, self._settings):
                    match part:
                        case FilePart():
                            with errors_about(part.name):
                                await files.store(part)
                        case ReferencePart():
                            references.append(part)
                        case ParamsPart():
                            given.take(part.values, part.place)
            params, description, callback = given.params, given.description, given.callback
            for reference in references:
                with errors_about(reference.name):
                    await self._references.store(reference, files, owner)
            headers = {name: await files.header(name) for name in files.stored}
            _check_selection(headers["image"], headers.get("mask"), params)
            uploads = {name: file.upload for name, file in files.stored.items()}
            pixels = headers["image"].width * headers["image"].height
            return Received(uploads["image"], uploads.get("mask"), params, description, callback, pixels)

    async def receive_image(self, body: Body, owner: str = "") -> tuple[str, StoredImage]:
        """Store the one image that a request is about: its key, which no job has, and the owner's stored image to be
        made of it.
        """
        if body.query:
            raise _by_itself()
        async with self._uploads.of(new_job_id()) as files:
            reference: ReferencePart | None = None
            with self._slots.one(owner):
                async for part in read_form(body, self._settings):
                    match part:
                        case FilePart(name="image"):
                            await files.store(part)
                        case ReferencePart(name="image"):
                            reference = part
                        case _:
                            raise _by_itself()
            if reference is not None:
                await self._references.store(reference, files, owner)
            stored = _stored_image(files.stored["image"].upload, await files.header("image"), owner)
            return files.key_of("image"), stored


def _by_itself() -> InvalidRequest:
    return InvalidRequest("An image is stored by itself: leave out the parameters and the mask.")


def _stored_image(upload: Upload, header: Header, owner: str) -> StoredImage:
    width, height = header.upright
    return StoredImage(
        sha256=upload.sha256,
        key=image_key(image_name(upload.sha256, owner), owner_of(upload.key)),
        size=upload.size,
        media_type=MEDIA_TYPES[header.format],
        width=width,
        height=height,
        owner=owner,
    )


def _check_selection(image: Header, mask: Header | None, params: AnyParams) -> None:
    """Refuse what the headers show to be in vain: a mask of another size, a region outside of the image, too much for
    the reference engine.
    """
    if mask is not None:
        check_mask_size(mask.upright, image.upright)
    check_region(params, *image.upright)
    # Else fewer pixels may be left.
    if not (image.transparent or mask is not None or params.region or params.exclude):
        pixels = image.width * image.height
        check_reference_size(min(pixels, params.max_pixels or pixels), params)
