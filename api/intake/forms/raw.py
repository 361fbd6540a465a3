"""The image itself as the body, its parameters in the query string."""

from collections.abc import AsyncIterator, Mapping

from fastapi import Request

from api.intake.forms.base import Incoming, Reference, query_params, stream
from shared.runtime.settings import Settings


class RawForm:
    """One file, and nothing else in the body."""

    references: Mapping[str, Reference] = {}

    def __init__(self, request: Request, settings: Settings) -> None:
        self.params = query_params(request)
        self._stream = stream(request, settings.max_upload_bytes, settings)

    async def files(self) -> AsyncIterator[Incoming]:
        yield Incoming("image", None, self._stream)
