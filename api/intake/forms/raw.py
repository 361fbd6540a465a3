"""The image itself as the body, its parameters in the query string."""

from collections.abc import AsyncIterator

from api.intake.forms.parts import FilePart, Part


async def raw_parts(chunks: AsyncIterator[bytes]) -> AsyncIterator[Part]:
    """One file, and nothing else in the body."""
    yield FilePart("image", None, chunks)
