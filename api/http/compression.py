"""Text as gzip (RFC 1952), on the way to who takes it."""

import asyncio
import zlib
from collections.abc import AsyncIterator

_TEXT = ("application/json", "image/svg+xml")
_GZIP = 16 + zlib.MAX_WBITS
_GZIP_LEVEL = 4


def is_text(media_type: str) -> bool:
    """Whether it is worth compressing: pictures and arrays are dense already."""
    plain = media_type.partition(";")[0]
    return plain.startswith("text/") or plain in _TEXT or plain.endswith("+json")


async def gzipped(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The chunks compressed, each on a thread: deflate takes milliseconds, and lets the others run."""
    packer = zlib.compressobj(_GZIP_LEVEL, wbits=_GZIP)
    async for chunk in chunks:
        packed = await asyncio.to_thread(packer.compress, chunk)
        if packed:
            yield packed
    yield packer.flush()
