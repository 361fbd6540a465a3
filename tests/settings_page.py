"""`python -m tests.settings_page` writes docs/settings.md anew: every variable that an operator can set."""

from pathlib import Path
from typing import Any

from pydantic import SecretStr

from shared.runtime.settings import Settings

PAGE = Path(__file__).parents[1] / "docs" / "settings.md"
HEAD = """# Settings

Environment variables of gateways and workers. An empty one counts as not set; one that means nothing is refused at the
start, by its name. Lists have commas. [Operations](operations.md) says when to change what. Compose also has
`HUEMILL_PORT`, `HUEMILL_REDIS_PASSWORD` and `HUEMILL_WORKER_MEMORY`; the command line `HUEMILL_URL` and `HUEMILL_KEY`.
The object store reads the usual `AWS_*`, tracing `OTEL_EXPORTER_OTLP_ENDPOINT`.

This page is made from `shared/runtime/settings.py`: `python -m tests.settings_page`.

| variable | unless it is set | what it is |
|---|---|---|
"""


def page() -> str:
    rows = [
        f"| `HUEMILL_{name.upper()}` | {_shown(field.get_default(call_default_factory=True))} | {field.description} |\n"
        for name, field in Settings.model_fields.items()
    ]
    return HEAD + "".join(rows)


def _shown(value: Any) -> str:
    """A default as one would write it into the variable."""
    if value is None or value in ((), ""):
        return ""
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    elif isinstance(value, tuple):
        value = ",".join(map(str, value))
    elif isinstance(value, bool):
        value = str(value).lower()
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


if __name__ == "__main__":
    PAGE.write_text(page())
