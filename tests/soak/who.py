"""As whom clients of a soak come: the one place for keys."""

from dataclasses import dataclass

from tests.support.calling import SECRETS


@dataclass(frozen=True)
class Who:
    """What a client sends with all that it asks, and the secret by which it is called back."""

    fields: dict[str, str]
    secret: str


ANYBODY = Who({}, SECRETS[0])
