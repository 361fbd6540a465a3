"""What FastAPI cannot read off the routes: the two body forms, and the problems that a route may answer."""

from typing import Any

from api.schemas import Problem
from shared.params import MODELS, json_schema

_PLAIN_KEYS = ("type", "enum", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
_EXAMPLE = {"algorithm": "kmeans", "n_clusters": 5}


def algorithm_schemas() -> dict[str, dict[str, Any]]:
    """Each algorithm's parameters as a JSON Schema, by its name."""
    return {name: json_schema(model) for name, model in MODELS.items()}


def _query_parameters() -> list[dict[str, Any]]:
    """Every algorithm's parameters, as the query string takes them."""
    owners: dict[str, list[str]] = {}
    schemas: dict[str, list[dict[str, Any]]] = {}
    for algorithm, schema in algorithm_schemas().items():
        for name, field in schema["properties"].items():
            owners.setdefault(name, []).append(algorithm)
            schemas.setdefault(name, []).append(field)
    return [
        {
            "name": name,
            "in": "query",
            "required": False,
            "description": f"({_names(owners[name])}) {schemas[name][0].get('description', '')}",
            "schema": _query_schema(name, schemas[name]),
        }
        for name in owners
    ]


def _names(algorithms: list[str]) -> str:
    return "all algorithms" if len(algorithms) == len(MODELS) else ", ".join(algorithms)


def _query_schema(name: str, schemas: list[dict[str, Any]]) -> dict[str, Any]:
    """A plain schema without a default: the console would send defaults, also those of other algorithms."""
    if name == "algorithm":
        return {"type": "string", "enum": list(MODELS)}
    plain = [{key: value for key, value in schema.items() if key in _PLAIN_KEYS} for schema in schemas]
    if plain[0].get("type", "array") == "array" or any(other != plain[0] for other in plain):
        return {"type": "string"}  # a union, a list, or different bounds: text, read as JSON where it is JSON
    return plain[0]


def _params_schema() -> dict[str, Any]:
    variants = list(algorithm_schemas().values())
    return {"oneOf": variants, "discriminator": {"propertyName": "algorithm"}, "example": _EXAMPLE}


SUBMIT: dict[str, Any] = {
    "parameters": _query_parameters(),
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["image"],
                    "properties": {
                        "image": {"type": "string", "format": "binary", "description": "The image file."},
                        "mask": {
                            "type": "string",
                            "format": "binary",
                            "description": "A second image of the same size: where it is black, the pixel is left out.",
                        },
                        "params": _params_schema(),
                    },
                },
                "encoding": {"params": {"contentType": "application/json"}},
            },
            "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
            "image/*": {"schema": {"type": "string", "format": "binary"}},
        },
    },
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route that may answer these problems."""
    content = {"application/problem+json": {"schema": Problem.model_json_schema()}}
    return {status: {"description": "Problem", "content": content} for status in statuses}
