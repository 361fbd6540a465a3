"""The field Idempotency-Key: what a client calls its request (draft-ietf-httpapi-idempotency-key-header).

The draft has a quoted string there, most services a bare one. Here the whole field is the key, quotes or not.
"""

import re
from collections.abc import Sequence

from shared.contract.errors import LONG, FieldError, InvalidIdempotencyKey
from shared.jobs.keys import RequestKey

MOST_CHARACTERS = 255
VISIBLE = r"[\x21-\x7e]+"
_WHAT_TO_DO = "Give 1 to 255 visible ASCII characters, such as a UUID, and the same ones when the request is repeated"


def request_key(lines: Sequence[str], owner: str = "") -> RequestKey | None:
    """The key of an owner's request whose fields of this name are `lines`. Raises InvalidIdempotencyKey."""
    if not lines:
        return None
    text = lines[0]
    if len(lines) > 1:
        raise _wrong(", ".join(lines), "is given more than once")
    if not text:
        raise _wrong(text, "is empty")
    if len(text) > MOST_CHARACTERS:
        raise _wrong(text, f"has {len(text)} characters")
    if not re.fullmatch(VISIBLE, text):
        raise _wrong(text, "has a space or another character that is not visible ASCII")
    return RequestKey(text, owner)


def _wrong(text: str, what: str) -> InvalidIdempotencyKey:
    value = text if len(text) <= MOST_CHARACTERS else LONG
    return InvalidIdempotencyKey([FieldError(field="Idempotency-Key", value=value, message=f"{what}. {_WHAT_TO_DO}")])
