"""The root of all errors, and what goes with them."""

from typing import Any, ClassVar, NotRequired, TypedDict

LONG = "(long)"  # stands for a value that is too long to be sent back


class FieldError(TypedDict):
    """One wrong parameter: where, what came, and what is allowed."""

    field: str
    value: Any
    message: str
    pointer: NotRequired[str]
    """Where a client may have named it: a name like `a.b` cannot be told from a place by `field` alone."""


class HuemillError(Exception):
    """Base of all errors that a user may read. `str(error)` says what is wrong and what to do."""

    code: ClassVar[str] = "internal"
    retryable: ClassVar[bool] = False


class Internal(HuemillError):
    """A defect of huemill's own.

    Have the operator look at the log; trying again rarely helps.
    """

    code = "internal"
