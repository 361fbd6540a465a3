"""Whoever waits for what others do has no work meanwhile: where that begins he says so, and others may begin."""

from collections.abc import Callable

from starlette.types import Scope

_KEY = "huemill.waits"


def hear(scope: Scope, waits: Callable[[], None]) -> None:
    """Have `waits` called when the request begins to wait; more than once, where it waits more than once."""
    scope[_KEY] = waits


def say(scope: Scope) -> None:
    """Say that the request waits from now on, where somebody wants to hear it."""
    waits: Callable[[], None] | None = scope.get(_KEY)
    if waits is not None:
        waits()
