"""The query string as parameters: a value that is JSON is read as JSON, any other is text."""

from collections.abc import Sequence
from typing import Any

from shared.contract.errors import FieldError, InvalidParams
from shared.contract.params import read_value


def query_values(pairs: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """The parameters of a query's pairs, not yet checked. Raises InvalidParams for one that is given twice."""
    values: dict[str, Any] = {}
    for name, text in pairs:
        if name in values:
            raise InvalidParams([FieldError(field=name, value=text, message="is given twice")])
        values[name] = read_value(name, text)
    return values
