"""Text as gzip (RFC 1952), on the way to who takes it."""

import asyncio
import zlib
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor

_TEXT = ("application/json", "image/svg+xml")
# Threads of their own: who asks for much text must not hold those in which uploads are checked and jobs are sent.
_threads = ThreadPoolExecutor(2, "gzip")
# A window of 16 kB and a table as small: half the memory of zlib's own choice for each reader, who may be slow.
_GZIP, _MEMORY = 16 + 14, 7
_LEVEL = 4


def is_text(media_type: str) -> bool:
    """Whether it is worth compressing: pictures and arrays are dense already."""
    plain = media_type.partition(";")[0]
    return plain.startswith("text/") or plain in _TEXT or plain.endswith("+json")


async def gzipped(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The chunks compressed, each on a thread: deflate takes milliseconds, and lets the others run."""
    run = asyncio.get_running_loop().run_in_executor
    packer = zlib.compressobj(_LEVEL, wbits=_GZIP, memLevel=_MEMORY)
    async for chunk in chunks:
        packed = await run(_threads, packer.compress, chunk)
        if packed:
            yield packed
    yield packer.flush()
