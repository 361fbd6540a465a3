"""Where the Valkey of a running `huemill serve` is, as its own configuration in the data folder says."""

import re
from pathlib import Path

CONFIG = Path("valkey", "valkey.conf")


class NotRunning(Exception):
    """There is no stack in the folder; the message is for a person."""


def redis_url_of(data_dir: Path) -> str:
    """The URL, with the password of this run. Raises NotRunning where no stack has begun in the folder."""
    try:
        lines = (data_dir / CONFIG).read_text()
    except FileNotFoundError:
        raise NotRunning(
            f"{data_dir} is no folder of `huemill serve`: start that first, or name its --data-dir."
        ) from None
    except OSError as error:
        raise NotRunning(f"The data folder {data_dir} cannot be read: {error.strerror}.") from None
    found = dict(re.findall(r"^(port|requirepass) (\S+)$", lines, re.MULTILINE))
    if set(found) != {"port", "requirepass"}:
        raise NotRunning(f"{data_dir / CONFIG} says no port and password: start `huemill serve` on this folder again.")
    return f"redis://:{found['requirepass']}@127.0.0.1:{found['port']}/0"
