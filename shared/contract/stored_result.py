"""A result as it is stored: one JSON object on two lines, of which the gateway reads the first and copies the second.

    {"labels":{...},"artifacts":[...]
    ,"algorithm":"kmeans","params":{...},"palette":[...],...}

The first line has what becomes links and label maps over HTTP, and is short. The second has an entry for each cluster,
of which there may be 65,536: 11 MB, whose parsing would keep all others waiting for a third of a second each time. A
line break cannot stand within a JSON string, so the first one in the text is the joint. The whole text is the result.
"""

from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import orjson

from shared.contract.results import ClusterResult

_HEAD = {"labels", "artifacts"}


class StoredResult(NamedTuple):
    """A result that is being read."""

    head: dict[str, Any]
    """Its members `labels` and `artifacts`."""
    rest: AsyncIterator[bytes]
    """Its other members as JSON, from the comma before them to the object's closing brace."""


def dump_result(result: ClusterResult) -> bytes:
    head, rest = result.model_dump_json(include=_HEAD), result.model_dump_json(exclude=_HEAD)
    return f"{head[:-1]}\n,{rest[1:]}".encode()


async def read_result(chunks: AsyncIterator[bytes]) -> StoredResult:
    """The result of which `chunks` are the text. One without a line break, of a version before this, is read whole."""
    text = b""
    async for chunk in chunks:
        text += chunk
        line, joint, rest = text.partition(b"\n")
        if joint:
            return StoredResult(orjson.loads(line + b"}"), _chain(rest, chunks))
    result = orjson.loads(text)
    head = {name: result.pop(name) for name in sorted(_HEAD, reverse=True)}
    return StoredResult(head, _chain(b"," + orjson.dumps(result)[1:], chunks))


async def _chain(first: bytes, others: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for chunk in others:
        yield chunk
