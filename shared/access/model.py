"""A key as it is kept: what it may do, and how its secrets are told from others. Never a secret that lets anybody in.

A key's id is the owner of all that is made with it. Its secret can be changed, and for a while there are two: the id
stays, and with it the jobs.
"""

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from shared.access.limits import KeyLimits
from shared.access.text import KeyText, new_key
from shared.contract.webhooks import PREFIX

_PERSON = b"huemill API key"


class Scope(StrEnum):
    """What a key is for."""

    WRITE = "jobs:write"  # post, cancel and remove jobs, store and remove images
    READ = "jobs:read"  # see them, with all that comes of them
    METRICS = "metrics"
    ADMIN = "admin"  # all of these, and whatever a later version has


DEFAULT_SCOPES = (Scope.WRITE, Scope.READ)


class Secret(BaseModel):
    """One of a key's secrets, as a hash of it, with the secret that its callbacks are signed with."""

    model_config = ConfigDict(frozen=True)

    salt: str = Field(repr=False)
    """A random key for the hash, in hex: equal secrets, if there were any, would not be seen to be equal."""
    digest: str = Field(repr=False)
    callback: str = Field(repr=False)
    """`whsec_…`. It lets nobody in; and who signs has to know it."""
    until: AwareDatetime | None = None
    """When it stops being valid, if it was replaced."""

    def is_valid(self, at: datetime) -> bool:
        return self.until is None or at < self.until


@dataclass(frozen=True)
class Made:
    """A key just made: the only time that it can be shown."""

    key: "Key"
    text: KeyText = field(repr=False)
    callback_secret: str = field(repr=False)


class Key(BaseModel):
    """A key's record. Frozen: a change is a new record."""

    model_config = ConfigDict(frozen=True)

    id: str
    name: str
    """For people."""
    scopes: frozenset[str]
    """Of a later version there may be others."""
    limits: KeyLimits = KeyLimits()
    created_at: AwareDatetime
    expires_at: AwareDatetime | None = None
    revoked_at: AwareDatetime | None = None
    secrets: tuple[Secret, ...]
    """The newest first."""

    def may(self, scope: Scope) -> bool:
        return scope in self.scopes or Scope.ADMIN in self.scopes

    def wrong_at(self, at: datetime) -> str | None:
        """Why it lets nobody in any more: `revoked` or `expired`; None where it does."""
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if self.expires_at is not None and at >= self.expires_at else None

    def secret_of(self, text: KeyText) -> Secret | None:
        """Which of its secrets the text has, be it valid or not. Takes as long for a wrong one."""
        found = None
        for secret in self.secrets:
            if hmac.compare_digest(secret.digest, _digest(secret.salt, text.secret)):
                found = secret
        return found

    def callback_secrets(self, at: datetime) -> list[str]:
        """What callbacks are signed with: while its secrets are being changed, several. A key that lets nobody in any
        more still signs: what was promised of its jobs is kept.
        """
        return [secret.callback for secret in self.secrets if secret.is_valid(at)]

    def rotated(self, overlap: timedelta, at: datetime) -> Made:
        """The key with another secret; the one that it had is valid for so long."""
        text, secret = _new_secret(self.id)
        older = [old for old in self.secrets if old.is_valid(at)]
        end = at + overlap
        ending = [old.model_copy(update={"until": end if old.until is None else min(old.until, end)}) for old in older]
        return Made(self.model_copy(update={"secrets": (secret, *ending)}), text, secret.callback)

    def revoked(self, at: datetime) -> "Key":
        return self.model_copy(update={"revoked_at": self.revoked_at or at})


def made_key(name: str, scopes: frozenset[str], limits: KeyLimits, at: datetime, lasts: timedelta | None) -> Made:
    """A new key."""
    text, secret = _new_secret(None)
    end = None if lasts is None else at + lasts
    key = Key(id=text.id, name=name, scopes=scopes, limits=limits, created_at=at, expires_at=end, secrets=(secret,))
    return Made(key, text, secret.callback)


def _new_secret(key_id: str | None) -> tuple[KeyText, Secret]:
    text, salt = new_key(key_id), secrets.token_hex(32)
    callback = PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()
    return text, Secret(salt=salt, digest=_digest(salt, text.secret), callback=callback)


def _digest(salt: str, secret: str) -> str:
    """BLAKE2b (RFC 7693) with a key, 256 bits: the secret has as many, so a slow hash would protect nothing more."""
    return hashlib.blake2b(secret.encode(), digest_size=32, key=bytes.fromhex(salt), person=_PERSON).hexdigest()
