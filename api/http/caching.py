"""What a client already has, and which part it wants: conditional and range requests (RFC 9110, sections 8.8, 13, 14).

Plain functions on values. What is served so never changes under its address, and so is known by a strong entity tag
alone: there are no dates, and every condition on one is passed over, as section 13.1 has it for what has no date.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from shared.contract.errors import PreconditionFailed, RangeNotSatisfiable

# Section 8.8.3: a tag is opaque text in quotes, W/ before it makes it a weak one.
_TAG = re.compile(r'(W/)?("[\x21\x23-\x7e\x80-\xff]*")')
# Section 14.1.2: first and last byte, or the last so many bytes.
_RANGE = re.compile(r"([0-9]*)-([0-9]*)")
# A number of more digits is beyond every file, and Python takes no text of thousands of digits for a number.
_DIGITS = 18


@dataclass(frozen=True)
class Conditions:
    """The header fields of a request by which it may get less than the whole; empty where it has none."""

    if_match: str = ""
    if_none_match: str = ""
    if_range: str = ""
    range: str = ""


class Part(NamedTuple):
    """Bytes of a file, from `begin` to before `end`."""

    begin: int
    end: int


def etag_of(*identity: str) -> str:
    """The strong entity tag of what these words name, and name for ever."""
    digest = hashlib.sha256("\0".join(identity).encode()).hexdigest()
    return f'"{digest[:32]}"'


def is_known(conditions: Conditions, etag: str) -> bool:
    """Whether the client has it already: the answer is 304. Raises PreconditionFailed for what it does not want.

    In the order of section 13.2.2.
    """
    if conditions.if_match and not _lists(conditions.if_match, etag, weakly=False):
        raise PreconditionFailed("The file is another than If-Match names. Leave the field out to get this one.")
    return bool(conditions.if_none_match) and _lists(conditions.if_none_match, etag, weakly=True)


def wanted_part(conditions: Conditions, etag: str, size: int) -> Part | None:
    """The part that a GET asks for of `size` bytes; None for the whole. Raises RangeNotSatisfiable.

    A Range is passed over, as section 14.2 allows, where it is not understood, or has several parts in it; and where
    If-Range shows that the client has begun with something else.
    """
    if conditions.if_range and conditions.if_range.strip() != etag:
        return None
    unit, _, text = conditions.range.partition("=")
    ranges = [piece.strip() for piece in text.split(",") if piece.strip()]
    match = _RANGE.fullmatch(ranges[0]) if unit.strip().lower() == "bytes" and len(ranges) == 1 else None
    if match is None or size == 0:
        return None
    first, last = (_number(digits) for digits in match.groups())
    if first is None and last is None:
        return None
    if first is not None and last is not None and last < first:
        return None
    if first is None:
        begin, end = size - min(size, last or 0), size
    else:
        begin, end = first, size if last is None else min(size, last + 1)
    if begin >= size:
        raise RangeNotSatisfiable(size)
    return Part(begin, end)


def cache_control(seconds_left: float) -> str:
    """For what never changes, belongs to one client, and is there for so long."""
    return f"private, immutable, max-age={max(0, int(seconds_left))}"


def _lists(field: str, etag: str, *, weakly: bool) -> bool:
    """Whether a list of tags, or `*` for any, has `etag`, which is strong (section 8.8.3.2)."""
    if field.strip() == "*":
        return True
    tags: Sequence[tuple[str, str]] = _TAG.findall(field)
    return any(tag == etag and (weakly or not weak) for weak, tag in tags)


def _number(digits: str) -> int | None:
    if not digits:
        return None
    significant = digits.lstrip("0")
    return int(significant or "0") if len(significant) <= _DIGITS else 10**_DIGITS
