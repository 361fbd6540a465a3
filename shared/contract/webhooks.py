"""How a callback is signed, and how its receiver can tell: Standard Webhooks, symmetric signatures (`v1`).

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import Annotated

from pydantic import AfterValidator, SecretStr

PREFIX = "whsec_"
_KEY_BYTES = range(24, 65)
TOLERANCE_SECONDS = 300
"""A message that was signed longer ago, or is signed for later, may be one that somebody sends again."""


class Unverified(Exception):
    """The message is not from who knows the secret, or not of now; why, for a person."""


def key_of(secret: str) -> bytes:
    """The key of `whsec_…`. Raises ValueError, which does not repeat it."""
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except ValueError:
        key = b""
    if not secret.startswith(PREFIX) or len(key) not in _KEY_BYTES:
        raise ValueError(
            f"a secret should be {PREFIX} and 24 to 64 bytes as base64; `openssl rand -base64 32` makes the latter"
        )
    return key


def _checked(secret: SecretStr) -> SecretStr:
    key_of(secret.get_secret_value())
    return secret


Secret = Annotated[SecretStr, AfterValidator(_checked)]


def signature(key: bytes, message_id: str, timestamp: int, body: bytes) -> str:
    """The signature of a message that is sent at `timestamp`, in seconds since 1970."""
    text = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(key, text, hashlib.sha256)).decode()


def signed_headers(keys: Sequence[bytes], message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The three fields, with a signature by each of the keys."""
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(signature(key, message_id, timestamp, body) for key in keys),
    }


def verify(keys: Sequence[bytes], headers: Mapping[str, str], body: bytes, now: float) -> None:
    """Raises Unverified unless one of the keys has signed the message within the last five minutes.

    `headers`: by their names in small letters.
    """
    missing = [name for name in ("webhook-id", "webhook-timestamp", "webhook-signature") if not headers.get(name)]
    if missing:
        raise Unverified(f"it has no {missing[0]}")
    timestamp = headers["webhook-timestamp"]
    if not (timestamp.isascii() and timestamp.isdecimal() and len(timestamp) < 16):
        raise Unverified("its webhook-timestamp is no number of seconds")
    if abs(now - int(timestamp)) > TOLERANCE_SECONDS:
        raise Unverified("it was signed more than five minutes from now")
    given = [text.encode() for text in headers["webhook-signature"].split()]
    for key in keys:
        expected = signature(key, headers["webhook-id"], int(timestamp), body).encode()
        if any(hmac.compare_digest(expected, each) for each in given):
            return
    raise Unverified("none of its signatures is by this secret")
