"""A request's JSON -> parameters, or an error for each field that is wrong."""

from collections.abc import Mapping
from typing import Any

import orjson
from pydantic import ValidationError

from shared.contract.errors import LONG, FieldError, InvalidParams
from shared.contract.params.checks import check_combinations
from shared.contract.params.registry import DEFAULT_ALGORITHM, MODELS, AnyParams
from shared.contract.params.schema import json_schema, part_at
from shared.contract.params.wording import allowed, path, pointer, unknown

MOST_ERRORS = 20  # told at once: a thousand wrong names are not worth a book


def parse_params(data: Mapping[str, Any]) -> AnyParams:
    """The parameters of a request's flat JSON object. Raises InvalidParams, with an entry for each wrong field."""
    try:
        text = orjson.dumps(data)
    except TypeError as error:
        message = f"should be a flat JSON object ({error})"
        raise InvalidParams([FieldError(field="params", value=LONG, message=message)]) from None
    algorithm = data.get("algorithm", DEFAULT_ALGORITHM)
    if not isinstance(algorithm, str) or algorithm not in MODELS:
        message = f"is no algorithm; choose one of {', '.join(MODELS)}"
        raise InvalidParams([FieldError(field="algorithm", value=algorithm, message=message)])
    model = MODELS[algorithm]
    try:
        # As JSON and strict: true is no number, "5" is no integer, a list can still become a tuple.
        params = model.model_validate_json(text, strict=True)
    except ValidationError as error:
        raise InvalidParams(_field_errors(error, algorithm)) from None
    check_combinations(params)
    return params


def _field_errors(error: ValidationError, algorithm: str) -> list[FieldError]:
    """Pydantic's errors, one for each field, each saying what is allowed."""
    schema = json_schema(MODELS[algorithm])
    found: dict[str, FieldError] = {}
    for item in error.errors(include_url=False):
        place = item["loc"]
        if len(place) > 1 and item["type"] in ("extra_forbidden", "missing"):
            place = place[:-1]  # the part that has a name too many or too few is what is wrong
        name = path(place)
        if item["type"] == "extra_forbidden" and len(place) == 1 == len(item["loc"]):
            message = unknown(name, algorithm)
        elif item["type"] == "value_error":
            message = item["msg"].removeprefix("Value error, ")
        else:
            message = f"should be {allowed(part_at(schema, place))}"
            if item["type"] == "extra_forbidden":
                message += f"; there is no member {item['loc'][-1]!r}"
        found.setdefault(name, FieldError(field=name, value=item["input"], message=message, pointer=pointer(place)))
        if len(found) == MOST_ERRORS:
            break  # to word thousands, only to throw them away, would hold everyone else up for most of a second
    return list(found.values())
