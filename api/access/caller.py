"""Who asks, in one request."""

from dataclasses import dataclass, field

from shared.access.limits import KeyLimits
from shared.access.model import Key, Secret
from shared.access.quotas import Standing

UNLIMITED = KeyLimits()


@dataclass(frozen=True, eq=False)
class Caller:
    """The holder of a key; nobody in particular, where the service asks for none."""

    key: Key | None = None
    secret: Secret | None = None
    """Which of the key's secrets he has given."""
    standings: dict[str, Standing] = field(default_factory=dict)
    """How much is left of each quota that this request was about, as of the last look."""

    @property
    def owner(self) -> str:
        """The owner of what he makes: his key's id."""
        return "" if self.key is None else self.key.id

    @property
    def credentials(self) -> tuple[str, str]:
        """The same for all who have come with the same key and secret."""
        return self.owner, "" if self.secret is None else self.secret.digest

    @property
    def limits(self) -> KeyLimits:
        return UNLIMITED if self.key is None else self.key.limits


NOBODY = Caller()
