"""What is wrong with a parameter, in words."""

import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any

import orjson

from shared.contract.params.registry import MODELS


def path(place: Sequence[int | str]) -> str:
    """A place in the parameters as a person writes it: `exclude[1].color`."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in place)
    return text.removeprefix(".") if place else "params"


def pointer(place: Sequence[int | str]) -> str:
    """The same as a JSON pointer (RFC 6901): `/exclude/1/color`. A name may hold whatever JSON allows."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in place)


def allowed(schema: Mapping[str, Any]) -> str:
    """A field's JSON Schema in words: «an integer from 1 to 256»."""
    if "anyOf" in schema:
        branches = [branch for branch in schema["anyOf"] if branch.get("type") != "null"]
        words = " or ".join(allowed(branch) for branch in branches)
        return words if len(branches) == len(schema["anyOf"]) else f"{words}, or null"
    if "enum" in schema or "const" in schema:
        return " or ".join(repr(value) for value in schema.get("enum", [schema.get("const")]))
    kind = str(schema.get("type"))
    if kind == "array":
        least, most = schema.get("minItems", 0), schema.get("maxItems")
        size = f"{most} entries" if least == most else f"{least} to {most} entries"
        return f"a list of {size}, each {allowed(schema['items'])}"
    if "examples" in schema:
        what = {"object": "an object", "string": "text"}[kind]
        return f"{what} such as {' or '.join(orjson.dumps(example).decode() for example in schema['examples'])}"
    words = {"integer": "an integer", "number": "a number", "boolean": "true or false"}.get(kind, kind)
    bounds = {"minimum": "from", "exclusiveMinimum": "above", "maximum": "to", "exclusiveMaximum": "and below"}
    return " ".join([words, *(f"{bounds[key]} {schema[key]}" for key in bounds if key in schema)])


def plain(message: str) -> str:
    """Pydantic's message as ours begin, without how it came to it: `should be a valid integer`."""
    told = re.sub(r"^(Value error, |Input |List )", "", message)
    return re.sub(r"(, unable to parse|, unexpected| after validation).*", "", told)


def unknown(name: str, algorithm: str) -> str:
    owners = [other for other, model in MODELS.items() if name in model.model_fields]
    if owners:
        return f"is a parameter of {' and '.join(owners)}, not of {algorithm}"
    known = list(MODELS[algorithm].model_fields)
    close = get_close_matches(name, known, 1)
    hint = f"did you mean {close[0]}?" if close else f"{algorithm} takes {', '.join(known)}"
    return f"is no parameter; {hint}"
