"""What a request's body consists of, whatever its form: typed parts, one after the other."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

FILES = ("image", "mask")
CALLBACK = ("callback_url", "callback_events")
"""What a job is given beside its parameters, wherever those stand."""
MAX_PARAMS_BYTES = 64 * 1024
# What a body may have beside its files: boundaries, headers, parameters, names.
OVERHEAD_BYTES = 2 * MAX_PARAMS_BYTES


@dataclass(frozen=True)
class FilePart:
    """A file on its way: `chunks` is taken to its end before the next part is asked for."""

    name: str
    """`image` or `mask`."""
    filename: str | None
    chunks: AsyncIterator[bytes]


@dataclass(frozen=True)
class ReferencePart:
    """A file that the body only names: it is at a URL, or among the stored images."""

    name: str
    """`image` or `mask`."""
    kind: Literal["url", "sha256"]
    value: str


@dataclass(frozen=True)
class ParamsPart:
    """The parameters as they were given, at least one of them."""

    values: Mapping[str, Any]
    place: str
    """Where they stood, for people."""


Part: TypeAlias = FilePart | ReferencePart | ParamsPart
Parts: TypeAlias = AsyncIterator[Part]
"""A form: each part once, in the order in which they come. Ends with InvalidRequest if the image was none of them."""
