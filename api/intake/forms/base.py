"""What the forms of a request share."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from fastapi import Request
from starlette.requests import ClientDisconnect

from shared.contract.errors import FieldError, InvalidParams, InvalidRequest, UploadStalled, UploadTooLarge
from shared.contract.params import parse_params, read_value
from shared.runtime.settings import Settings

FILES = ("image", "mask")
MAX_PARAMS_BYTES = 64 * 1024
# What a body may have beside its files: boundaries, headers, parameters, names.
OVERHEAD_BYTES = 2 * MAX_PARAMS_BYTES


@dataclass(frozen=True)
class Incoming:
    """A file on its way: `chunks` is taken to its end before the next file comes."""

    name: str
    """`image` or `mask`."""
    filename: str | None
    chunks: AsyncIterator[bytes]


@dataclass(frozen=True)
class Reference:
    """A file that is elsewhere: at an address, or among the stored images."""

    kind: Literal["url", "sha256"]
    value: str


class Form(Protocol):
    """One way to send files and parameters. All but `files` is complete once all files were taken."""

    def files(self) -> AsyncIterator[Incoming]:
        """The files that the request brings, each once, in the order in which they come."""
        ...

    @property
    def references(self) -> Mapping[str, Reference]:
        """The files that the request names instead, by `image` or `mask`."""
        ...

    @property
    def params(self) -> dict[str, Any]:
        """The parameters as they were given."""
        ...


def too_large(limit: int) -> UploadTooLarge:
    return UploadTooLarge(f"The image is larger than the limit of {limit:,} bytes. Send a smaller one.")


async def stream(request: Request, limit: int, settings: Settings) -> AsyncIterator[bytes]:
    """The request's body in chunks: at most `limit` bytes, and no slower than a client must be.

    A client has `upload_stall_seconds` of patience to use up by waiting, and every byte gives some of it back: so who
    sends nothing is cut off, and so is who sends a byte now and then to hold the connection. Time in which the gateway
    itself is busy storing does not count.
    """
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length) > limit:
        raise too_large(limit)
    most, rate = settings.upload_stall_seconds, settings.upload_min_bytes_per_second
    received, patience = 0, most
    chunks = request.stream()
    while True:
        begin = time.monotonic()
        try:
            chunk = await asyncio.wait_for(anext(chunks), patience)
        except StopAsyncIteration:
            return
        except TimeoutError:
            message = f"For {most:g} s the upload sent less than {rate:,} bytes a second: it was cut off."
            raise UploadStalled(message) from None
        except ClientDisconnect:
            raise InvalidRequest("The upload was broken off by the client.") from None
        patience = min(most, patience - (time.monotonic() - begin) + len(chunk) / rate)
        received += len(chunk)
        if received > limit:
            raise too_large(limit)
        if chunk:
            yield chunk


def query_params(request: Request) -> dict[str, Any]:
    """The query string as parameters: a value that is JSON is read as JSON, any other is text.

    Wrong ones are refused here, before the body is read.
    """
    params: dict[str, Any] = {}
    for name, value in request.query_params.multi_items():
        if name in params:
            raise InvalidParams([FieldError(field=name, value=value, message="is given twice")])
        params[name] = read_value(name, value)
    parse_params(params)
    return params


def one_set_of_params(given: dict[str, Any], query: dict[str, Any], where: str) -> dict[str, Any]:
    """The parameters of the one place that has any. Raises InvalidRequest if both have."""
    if given and query:
        raise InvalidRequest(f"The parameters are both in {where} and in the query: leave one out.")
    return given or query
