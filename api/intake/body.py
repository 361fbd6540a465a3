"""A request's body as plain values, and how much of it is let in, how slowly.

Whoever has bytes to be taken in makes a `Body`, HTTP's routes among others.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from shared.contract.errors import UploadStalled, UploadTooLarge


@dataclass(frozen=True)
class Body:
    """What a request says of its body, and the body itself, to be read once."""

    content_type: str
    """Empty where the request does not say."""
    length: int | None
    """In bytes, as the request announces it; None where it does not."""
    query: Sequence[tuple[str, str]]
    """The pairs of the query string, decoded, in their order."""
    chunks: AsyncIterator[bytes]
    encoding: str = ""
    """The Content-Encoding, in small letters; empty where the request names none."""


def too_large(limit: int) -> UploadTooLarge:
    """In words that hold for every form: what counts is the file, not the base64 that it may come as."""
    return UploadTooLarge(f"The image is larger than the limit of {limit:,} bytes for a file. Send a smaller one.")


def announced(content_length: str) -> int | None:
    """The bytes that a Content-Length announces; None where it announces none."""
    # Twenty digits are too many bytes already, and Python takes no text of thousands of digits for a number.
    return int(content_length[:20]) if content_length.isdecimal() else None


async def limited(
    chunks: AsyncIterator[bytes], limit: int, *, room: int | None = None, length: int | None = None
) -> AsyncIterator[bytes]:
    """The same chunks, of which a file may have `limit` bytes. Raises UploadTooLarge for more.

    `room`: the bytes that are let through, where that is more than one file alone. `length`: the bytes that are
    announced: where those are too many, none is read.
    """
    room = limit if room is None else room
    if length is not None and length > room:
        raise too_large(limit)
    passed = 0
    async for chunk in chunks:
        passed += len(chunk)
        if passed > room:
            raise too_large(limit)
        yield chunk


async def patient(chunks: AsyncIterator[bytes], stall_seconds: float, bytes_per_second: int) -> AsyncIterator[bytes]:
    """The same chunks, as long as they come no slower than a client must be. Raises UploadStalled.

    A client has `stall_seconds` of patience to use up by waiting, and every byte gives some of it back: so who sends
    nothing is cut off, and so is who sends a byte now and then to hold the connection. Time in which the gateway itself
    is busy storing does not count.
    """
    patience = stall_seconds
    while True:
        begin = time.monotonic()
        try:
            async with asyncio.timeout(patience):
                chunk = await anext(chunks, None)
        except TimeoutError:
            message = f"For {stall_seconds:g} s the upload sent less than {bytes_per_second:,} bytes a second"
            raise UploadStalled(f"{message}: it was cut off.") from None
        if chunk is None:
            return
        patience = min(stall_seconds, patience - (time.monotonic() - begin) + len(chunk) / bytes_per_second)
        if chunk:
            yield chunk
