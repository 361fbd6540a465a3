"""JSON text -> what it says. A name that an object has twice is refused: which value was meant, nobody can know."""

import re
from collections.abc import Iterator
from functools import reduce
from operator import getitem
from typing import Any

import orjson

from shared.contract.errors import LONG, FieldError, InvalidParams, InvalidRequest
from shared.contract.params.wording import path, pointer

_TOKENS = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[{}\[\]:,]')

Place = tuple[int | str, ...]


def read_object(text: bytes, source: str, example: str) -> dict[str, Any]:
    """The object that the text is; `source` (`The body`) and `example` are for the errors.

    Raises InvalidRequest if it is none, and InvalidParams if it, or any object in it, has a name twice.
    """
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise InvalidRequest(f"{source} is not JSON, or cut off: {error}") from None
    if not isinstance(found, dict):
        raise InvalidRequest(f"{source} must be a JSON object, such as {example}.")
    _check_names(text.decode(), found)
    return found


def read_value(name: str, text: str) -> Any:
    """A parameter's value, of a query or a command line: text that is JSON is read as JSON, any other is itself.

    Raises InvalidParams if an object in it has a name twice.
    """
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        return text
    _check_names(text, found, (name,))
    return found


def _check_names(text: str, found: Any, outside: Place = ()) -> None:
    """Raises InvalidParams with the outermost name that `text`, which was read as `found`, has twice."""
    place = min(_doubled_names(text), key=len, default=None)
    if place is not None:
        value = reduce(getitem, place, found)  # the last one; around it nothing is doubled
        shown = LONG if isinstance(value, dict | list) else value
        where = outside + place
        raise InvalidParams(
            [FieldError(field=path(where), value=shown, message="is given twice", pointer=pointer(where))]
        )


def _doubled_names(text: str) -> Iterator[Place]:
    """The places of names that their objects had before. `text` is known to be JSON, of any depth."""
    place: list[int | str] = []
    names: list[set[str]] = []  # of the objects, and unused of the lists, that we are in
    string = ""
    for token in _TOKENS.findall(text):
        if token in ("{", "["):
            place.append("" if token == "{" else 0)
            names.append(set())
        elif token in ("}", "]"):
            place.pop()
            names.pop()
        elif token == ":":
            name = orjson.loads(string)
            place[-1] = name
            if name in names[-1]:
                yield tuple(place)
            names[-1].add(name)
        elif token == ",":
            step = place[-1]
            place[-1] = step + 1 if isinstance(step, int) else step
        else:
            string = token
