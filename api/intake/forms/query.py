"""The query string as parameters: a value that is JSON is read as JSON, any other is text."""

from collections.abc import Sequence
from typing import Any

from shared.contract.errors import FieldError, InvalidParams
from shared.contract.params import pointer, read_value

_REPEATED = ("outputs", "callback_events")  # lists of names: given again, more are added


def query_values(pairs: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """The parameters of a query's pairs, not yet checked. Raises InvalidParams for one that is given twice."""
    values: dict[str, Any] = {}
    for name, text in pairs:
        value = read_value(name, text)
        if name in values and name not in _REPEATED:
            twice = FieldError(field=name, value=text, message="is given twice", pointer=pointer([name]))
            raise InvalidParams([twice])
        values[name] = [*_names(values[name]), *_names(value)] if name in values else value
    return values


def _names(value: Any) -> list[Any]:
    """Of a list as JSON, or separated by commas."""
    if isinstance(value, str):
        return [name.strip() for name in value.split(",") if name.strip()]
    return value if isinstance(value, list) else [value]
