"""The parameters as JSON Schema."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from pydantic import BaseModel


def json_schema(model: type[BaseModel]) -> dict[str, Any]:
    """A model's JSON Schema in one piece: definitions stand where they are used, so that it can be put anywhere."""
    schema = model.model_json_schema()
    definitions = schema.pop("$defs", {})

    def inlined(part: Any) -> Any:
        if isinstance(part, list):
            return [inlined(entry) for entry in part]
        if not isinstance(part, dict):
            return part
        if "$ref" in part:
            beside = {name: inlined(entry) for name, entry in part.items() if name != "$ref"}  # such as its default
            return {**inlined(definitions[part["$ref"].rpartition("/")[2]]), **beside}
        return {name: inlined(entry) for name, entry in part.items()}

    return cast(dict[str, Any], inlined(schema))


def part_at(schema: Mapping[str, Any], place: Sequence[int | str]) -> Mapping[str, Any]:
    """The part of a JSON Schema that describes what stands at `place`."""
    for step in place:
        branches = [schema, *schema.get("anyOf", [])]
        if isinstance(step, int):
            schema = next(branch["items"] for branch in branches if "items" in branch)
        else:
            schema = next(branch["properties"][step] for branch in branches if "properties" in branch)
    return schema
