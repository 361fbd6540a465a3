"""What the callbacks of an owner's jobs are signed with."""

from api.access.keyring import Keyring
from shared.runtime.settings import Settings


async def callback_secrets(settings: Settings, keyring: Keyring, owner: str) -> list[str]:
    """The key's own secrets; for jobs that were posted without a key, those of the service. There may be none."""
    if owner:
        return await keyring.callback_secrets(owner)
    return [secret.get_secret_value() for secret in settings.callback_secret]
