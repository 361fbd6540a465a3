"""Parameters for tests that go through all methods."""

from typing import Any

# What a method must be given, where it has a parameter without a default.
NEEDED: dict[str, dict[str, Any]] = {"assign": {"palette": ["#000000", "#ffffff"]}}


def least(algorithm: str, **more: Any) -> dict[str, Any]:
    """As few parameters as the method takes, and `more`."""
    return {"algorithm": algorithm, **NEEDED.get(algorithm, {}), **more}
