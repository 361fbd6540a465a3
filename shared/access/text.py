"""An API key as its holder has it: `hm_<id>_<secret><checksum>`.

The checksum (CRC-32 of all before it) tells a key that was mistyped or cut off from one that there is not, without
asking Redis; programs that look for secrets in code tell by it that they have found one.
"""

import re
import secrets
import zlib
from typing import NamedTuple

ID_CHARACTERS = 12
# 62**43 > 2**256: nobody guesses it, whatever is known of its hash.
SECRET_CHARACTERS = 43
_CHECKSUM_CHARACTERS = 6
_LOWER = "0123456789abcdefghijklmnopqrstuvwxyz"
_LETTERS = _LOWER + _LOWER[10:].upper()
_KEY = re.compile(
    rf"hm_([0-9a-z]{{{ID_CHARACTERS}}})_([0-9A-Za-z]{{{SECRET_CHARACTERS}}})([0-9A-Za-z]{{{_CHECKSUM_CHARACTERS}}})"
)


class NoKey(Exception):
    """The text is no key; why, in a stable word: `malformed` or `checksum`."""


class KeyText(NamedTuple):
    """A key, taken apart."""

    id: str
    secret: str

    def __str__(self) -> str:
        begin = f"hm_{self.id}_{self.secret}"
        return begin + _checksum(begin)

    def __repr__(self) -> str:
        return f"KeyText(id={self.id!r}, secret=...)"


def new_key(key_id: str | None = None) -> KeyText:
    """A key with another secret, of this id or of a new one."""
    return KeyText(key_id or _random(_LOWER, ID_CHARACTERS), _random(_LETTERS, SECRET_CHARACTERS))


def read_key(text: str) -> KeyText:
    """The key of its text. Raises NoKey, which does not repeat it."""
    match = _KEY.fullmatch(text)
    if match is None:
        raise NoKey("malformed")
    found = KeyText(match[1], match[2])
    if _checksum(text[:-_CHECKSUM_CHARACTERS]) != match[3]:
        raise NoKey("checksum")
    return found


def is_key_id(text: str) -> bool:
    """Whether it looks like a key's id; anything else could name another of the store's keys."""
    return len(text) == ID_CHARACTERS and set(text) <= set(_LOWER)


def _random(letters: str, count: int) -> str:
    return "".join(secrets.choice(letters) for _ in range(count))


def _checksum(text: str) -> str:
    number, letters = zlib.crc32(text.encode()), ""
    for _ in range(_CHECKSUM_CHARACTERS):
        number, place = divmod(number, len(_LETTERS))
        letters = _LETTERS[place] + letters
    return letters
