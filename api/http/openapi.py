"""What FastAPI cannot read off the routes: the body's forms, and the problems that a route may answer."""

from typing import Any

from api.http.schemas import Problem
from shared.contract.params import MODELS, json_schema

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


_FILE = {"type": "string", "format": "binary"}
_MASK = "A second image of the same size: where it is black, the pixel is left out."
_SHA256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
_TINY_PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC"


def _source_properties(name: str) -> dict[str, Any]:
    """The members of a JSON body that give the image or its mask."""
    return {
        f"{name}_base64": {"type": "string", "description": "The file as base64, or as a data: URL."},
        f"{name}_url": {"type": "string", "description": "Its address, where the operator has fetching turned on."},
        f"{name}_sha256": {"type": "string", "description": "Of a stored image, as POST /v1/images answered it."},
    }


def _example(summary: str, **value: Any) -> dict[str, Any]:
    return {"summary": summary, "value": value}


def _json_form(properties: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    return {
        "schema": {
            "type": "object",
            "properties": properties,
            "oneOf": [{"required": [way]} for way in _source_properties("image")],
        },
        "examples": {
            "base64": _example("The image in the request", image_base64=_TINY_PNG, **more),
            "url": _example("An image on the web", image_url="https://example.com/photo.jpg", **more),
            "sha256": _example("A stored image", image_sha256=_SHA256, **more),
        },
    }


def _job_json() -> dict[str, Any]:
    params = {
        parameter["name"]: {**parameter["schema"], "description": parameter["description"]}
        for parameter in _query_parameters()
    }
    return _json_form({**_source_properties("image"), **_source_properties("mask"), **params}, _EXAMPLE)


def _body(form: dict[str, Any], json_form: dict[str, Any]) -> dict[str, Any]:
    content = {
        "multipart/form-data": form,
        "application/json": json_form,
        "application/octet-stream": {"schema": _FILE},
        "image/*": {"schema": _FILE},
    }
    return {"required": True, "content": content}


def _form(**properties: dict[str, Any]) -> dict[str, Any]:
    image = {**_FILE, "description": "The image file."}
    return {"schema": {"type": "object", "required": ["image"], "properties": {"image": image, **properties}}}


SUBMIT: dict[str, Any] = {
    "parameters": _query_parameters(),
    "requestBody": _body(
        {
            **_form(mask={**_FILE, "description": _MASK}, params=_params_schema()),
            "encoding": {"params": {"contentType": "application/json"}},
        },
        _job_json(),
    ),
}
STORE: dict[str, Any] = {"requestBody": _body(_form(), _json_form(_source_properties("image"), {}))}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route that may answer these problems."""
    content = {"application/problem+json": {"schema": Problem.model_json_schema()}}
    return {status: {"description": "Problem", "content": content} for status in statuses}
