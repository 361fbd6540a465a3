"""What clients say of a job beside its parameters: a reference of theirs, tags to find it by, how urgent it is. No
result depends on it.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from shared.contract.errors import FieldError, InvalidParams
from shared.contract.params import read_value

MOST_TAGS = 10


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("has a character that cannot be seen, such as a line break")
    if text != text.strip():
        raise ValueError("begins or ends with a space")
    return text


def _tag(text: str) -> str:
    if "," in text:
        raise ValueError("has a comma, which stands between tags")
    return text


Priority = Literal["interactive", "batch"]
PRIORITIES: tuple[Priority, ...] = get_args(Priority)
Reference = Annotated[str, Field(min_length=1, max_length=255), AfterValidator(_printable)]
Tag = Annotated[str, Field(min_length=1, max_length=64), AfterValidator(_printable), AfterValidator(_tag)]


class Description(BaseModel):
    """Shown with the job and in lists."""

    model_config = ConfigDict(frozen=True, strict=True)

    client_reference: Reference | None = Field(
        None, description="Your own name for the job: 1 to 255 visible characters.", examples=["order-4711"]
    )
    tags: tuple[Tag, ...] = Field(
        (),
        max_length=MOST_TAGS,
        description="Words to find it by in `GET /v1/jobs?tag=`: at most 10, of 1 to 64 visible characters but commas.",
        examples=[["summer", "shop"]],
    )
    priority: Priority = Field(
        "interactive",
        description="`interactive`: somebody waits for it. `batch`: your interactive jobs go before it, also those of "
        "the day that follows. Nobody else's turn depends on it.",
        examples=["batch"],
    )


NOTHING = Description()
_ONCE = ("client_reference", "priority")
_MESSAGES = {
    "client_reference": "should be text of 1 to 255 characters",
    "tag": "should be text of 1 to 64 characters",
    "tags": f"should be a list of at most {MOST_TAGS} tags, each text of 1 to 64 characters",
    "priority": f"should be {' or '.join(PRIORITIES)}",
}


def describe(values: Mapping[str, Any]) -> Description:
    """A description of these values. Raises InvalidParams, with an entry for each one that is wrong."""
    tags = values.get("tags")
    once = {"tags": tuple(dict.fromkeys(tags) if _all_text(tags) else tags)} if isinstance(tags, list) else {}
    try:
        return Description.model_validate({**values, **once})
    except ValidationError as error:
        raise InvalidParams([_field_error(item) for item in error.errors(include_url=False)]) from None


def split(values: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What of a request's values describes the job, and the rest: its parameters."""
    described = {name: value for name, value in values.items() if name in Description.model_fields}
    return described, {name: value for name, value in values.items() if name not in described}


def split_query(pairs: Sequence[tuple[str, str]]) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """The same of a query's pairs: there a reference is any text, and tags are a list, or text with commas, or several.

    Raises InvalidParams for a reference or a priority that is given twice.
    """
    described: dict[str, Any] = {}
    for name, text in pairs:
        if name in described:
            raise InvalidParams([FieldError(field=name, value=text, message="is given twice")])
        if name in _ONCE:
            described[name] = text
    tags = [text for name, text in pairs if name == "tags"]
    if tags:
        described["tags"] = [tag for text in tags for tag in _tags_of(text)]
    return described, [pair for pair in pairs if pair[0] not in Description.model_fields]


def _tags_of(text: str) -> list[Any]:
    value = read_value("tags", text) if text.startswith("[") else text.split(",")
    return value if isinstance(value, list) else text.split(",")


def _all_text(values: list[Any]) -> bool:
    return all(isinstance(value, str) for value in values)


def _field_error(item: Any) -> FieldError:
    name, *place = item["loc"]
    field = name + "".join(f"[{step}]" for step in place)
    told = (
        item["msg"].removeprefix("Value error, ")
        if item["type"] == "value_error"
        else _MESSAGES["tag" if place else name]
    )
    return FieldError(field=field, value=item["input"], message=told)
