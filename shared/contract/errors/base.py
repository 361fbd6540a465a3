"""The root of all errors, and what goes with them."""

from typing import Any, ClassVar, TypedDict

LONG = "(long)"  # stands for a value that is too long to be sent back


class FieldError(TypedDict):
    """One wrong parameter: where, what came, and what is allowed."""

    field: str
    value: Any
    message: str


class HuemillError(Exception):
    """Base of all errors that a user may read. `str(error)` says what is wrong and what to do."""

    code: ClassVar[str] = "internal"
    retryable: ClassVar[bool] = False


class Internal(HuemillError):
    """A defect of huemill's own.

    Have the operator look at the log; trying again rarely helps.
    """

    code = "internal"
