"""What FastAPI cannot read off the routes: the body's forms, and the problems that a route may answer."""

from collections.abc import Callable, Mapping
from typing import Any

from fastapi import FastAPI

from api.callbacks.wish import MAX_URL_CHARACTERS
from api.http.called_back import CALLBACKS
from api.http.idempotency import MOST_CHARACTERS, VISIBLE
from api.http.phrases import phrase
from api.http.schemas import Problem
from shared.contract.description import Description
from shared.contract.params import MODELS, json_schema
from shared.jobs.deliveries import EVENTS

_PLAIN_KEYS = ("type", "enum", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
_EXAMPLE = {"algorithm": "kmeans", "n_clusters": 5}


def algorithm_schemas() -> dict[str, dict[str, Any]]:
    """Each algorithm's parameters as a JSON Schema, by its name."""
    return {name: json_schema(model) for name, model in MODELS.items()}


_CALLBACK: dict[str, dict[str, Any]] = {
    "callback_url": {
        "type": "string",
        "maxLength": MAX_URL_CHARACTERS,
        "description": "Where the job's end is told, signed as Standard Webhooks: https://, a public host, a port that "
        "the operator allows.",
    },
    "callback_events": {
        "anyOf": [
            {"type": "array", "items": {"type": "string", "enum": [str(event) for event in EVENTS]}, "minItems": 1},
            {"type": "string"},
        ],
        "description": f"What is told, as a list or with commas, of {', '.join(EVENTS)}; the first three unless it is "
        "given.",
    },
}
# Without an example the console would fill in one of its own.
_CALLBACK_FIELDS = {
    name: {"type": "string", "description": schema["description"], "example": ""} for name, schema in _CALLBACK.items()
}
"""As a form's parts: empty, they are not there."""


def _parameter(place: str, name: str, description: str, schema: dict[str, Any] | None = None) -> dict[str, Any]:
    """What may be left out, in the `header` or the `query`: text, unless `schema` says otherwise."""
    schema = schema or {"type": "string"}
    return {"name": name, "in": place, "required": False, "description": description, "schema": schema}


def _query_parameters() -> list[dict[str, Any]]:
    """Every algorithm's parameters, as the query string takes them."""
    owners: dict[str, list[str]] = {}
    schemas: dict[str, list[dict[str, Any]]] = {}
    for algorithm, schema in algorithm_schemas().items():
        for name, field in schema["properties"].items():
            owners.setdefault(name, []).append(algorithm)
            schemas.setdefault(name, []).append(field)
    return [
        _parameter(
            "query",
            name,
            f"({_names(owners[name])}) {schemas[name][0].get('description', '')}",
            _query_schema(name, schemas[name]),
        )
        for name in owners
    ]


def _description_parameters() -> list[dict[str, Any]]:
    """What describes a job, as the query string takes it."""
    fields = Description.model_json_schema()["properties"]
    return [
        _parameter(
            "query",
            name,
            field["description"] + (" Separated by commas." if name == "tags" else ""),
            {key: field[key] for key in ("type", "enum") if "enum" in field},
        )
        for name, field in fields.items()
    ]


def _description_properties() -> dict[str, Any]:
    """The same as members of a JSON object."""
    fields = Description.model_json_schema()["properties"]
    return {name: {key: value for key, value in field.items() if key != "default"} for name, field in fields.items()}


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
    for variant in variants:
        variant["properties"] = {**variant["properties"], **_description_properties(), **_CALLBACK}
    return {"oneOf": variants, "discriminator": {"propertyName": "algorithm"}, "example": _EXAMPLE}


FILE = {"type": "string", "format": "binary"}
_MASK = "A second image of the same size: where it is black, the pixel is left out."
_SHA256 = "b1ff9c8ea3a780bad09b346c423d2d0e46815926879b18e841d928376a946640"
_TINY_PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC"


def _source_properties(name: str) -> dict[str, Any]:
    """The members of a JSON body that give the image or its mask."""
    return {
        f"{name}_base64": {"type": "string", "minLength": 1, "description": "The file as base64, or a data: URL."},
        f"{name}_url": {"type": "string", "description": "Its address, where the operator has fetching turned on."},
        f"{name}_sha256": {
            "type": "string",
            "pattern": "^[0-9A-Fa-f]{64}$",
            "description": "Of a stored image, as POST /v1/images answered it.",
        },
    }


def _example(summary: str, **value: Any) -> dict[str, Any]:
    return {"summary": summary, "value": value}


def _json_form(titles: Mapping[str, str], properties: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    """One schema for each way in which the image can come: programs that are made from them know what they need."""
    ways = _source_properties("image")
    return {
        "schema": {
            "oneOf": [
                {
                    "title": titles[way],
                    "type": "object",
                    "required": [way],
                    "properties": {way: field, **properties},
                    "additionalProperties": False,
                }
                for way, field in ways.items()
            ]
        },
        "examples": {
            "base64": _example("The image in the request", image_base64=_TINY_PNG, **more),
            "url": _example(
                "An image on the web (only where the operator has fetching turned on)",
                image_url="https://example.com/photo.jpg",
                **more,
            ),
            "sha256": _example(
                "A stored image (POST it to /v1/images first: this is the one of the first example)",
                image_sha256=_SHA256,
                **more,
            ),
        },
    }


_JOB_TITLES = {"image_base64": "JobOfImage", "image_url": "JobOfUrl", "image_sha256": "JobOfStoredImage"}
_IMAGE_TITLES = {"image_base64": "ImageToStore", "image_url": "UrlToStore", "image_sha256": "StoredImageToKeep"}


def _job_json() -> dict[str, Any]:
    params = {
        parameter["name"]: {**parameter["schema"], "description": parameter["description"]}
        for parameter in _query_parameters()
    }
    # Text is a query's stand-in for what JSON says better: a list, an object, a number or a word.
    for name, schema in params.items():
        if name != "algorithm" and schema.get("type") == "string" and "enum" not in schema:
            del schema["type"]
    beside = {**_description_properties(), **_CALLBACK}
    return _json_form(_JOB_TITLES, {**_source_properties("mask"), **params, **beside}, _EXAMPLE)


def _body(form: dict[str, Any], json_form: dict[str, Any]) -> dict[str, Any]:
    content = {
        "multipart/form-data": form,
        "application/json": json_form,
        "application/octet-stream": {"schema": FILE},
        "image/*": {"schema": FILE},
    }
    return {"required": True, "content": content}


def _form(**properties: dict[str, Any]) -> dict[str, Any]:
    image = {**FILE, "description": "The image file."}
    schema = {
        "type": "object",
        "required": ["image"],
        "properties": {"image": image, **properties},
        "additionalProperties": False,
    }
    return {"schema": schema}


_PREFER = _parameter("header", "Prefer", "`wait=10`: answer when the job has ended, or after 10 seconds (RFC 7240).")
# Also so that each operation with a body has a parameter that may be left out: where there is none,
# openapi-python-client 0.29 makes a module that cannot be imported.
_TRACE = _parameter(
    "header",
    "traceparent",
    "The trace to be continued (W3C Trace Context), where the operator has traces exported.",
)
_IDEMPOTENCY_KEY = _parameter(
    "header",
    "Idempotency-Key",
    "A name of your own for this request, such as a UUID: repeated with it, the request is done once.",
    {"type": "string", "minLength": 1, "maxLength": MOST_CHARACTERS, "pattern": f"^{VISIBLE}$"},
)
_CACHE_CONTROL = _parameter(
    "header",
    "Cache-Control",
    "`no-cache`: compute, though a job of the same image and parameters has done so before.",
)
_CALLBACK_PARAMETERS = [_parameter("query", name, schema["description"]) for name, schema in _CALLBACK.items()]
SUBMIT: dict[str, Any] = {
    "parameters": [
        *_query_parameters(),
        *_description_parameters(),
        *_CALLBACK_PARAMETERS,
        _PREFER,
        _IDEMPOTENCY_KEY,
        _CACHE_CONTROL,
        _TRACE,
    ],
    "callbacks": CALLBACKS,
    "requestBody": _body(
        {
            **_form(mask={**FILE, "description": _MASK}, params=_params_schema(), **_CALLBACK_FIELDS),
            "encoding": {"params": {"contentType": "application/json"}},
        },
        _job_json(),
    ),
}
STORE: dict[str, Any] = {"parameters": [_TRACE], "requestBody": _body(_form(), _json_form(_IMAGE_TITLES, {}, {}))}


_HEADERS = {
    "Accept-Encoding": "The encodings of a body that are read.",
    "Accept-Ranges": "`bytes`: parts of the file can be asked for.",
    "Allow": "The methods that the address takes.",
    "Cache-Control": "For how long the answer may be kept.",
    "Content-Disposition": "The name under which a browser saves the file.",
    "Content-Range": "Which bytes these are, and of how many.",
    "ETag": "The answer's tag, for `If-None-Match`; a file's for `If-Range` too.",
    "Idempotent-Replayed": "`true`, where the same request has become this job before.",
    "Location": "Where what was made is.",
    "Preference-Applied": "`wait=N`, where `Prefer` asked for it.",
    "RateLimit": "How much of the key's quotas is left, where it has any (draft-ietf-httpapi-ratelimit-headers).",
    "RateLimit-Policy": "The key's quotas, where it has any.",
    "Retry-After": "The seconds after which it is worth asking again.",
    "Upgrade": "`websocket`: the protocol that is spoken here.",
    "Vary": "The fields of a request that choose the answer.",
    "WWW-Authenticate": "`Bearer`: how a key is sent, and what is wrong with the one that came.",
}
_OF_PROBLEMS = {
    401: "WWW-Authenticate",
    405: "Allow",
    409: "Retry-After",
    415: "Accept-Encoding",
    416: "Content-Range",
} | dict.fromkeys((429, 503, 507), "Retry-After")
PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}


def headers(*names: str) -> dict[str, Any]:
    """The `headers` of a response that may have these."""
    return {name: {"description": _HEADERS[name], "schema": {"type": "string"}} for name in names}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route that may answer these problems, and those that each may."""
    return {status: _problem(status) for status in sorted({*statuses, 405, 500})}


def _problem(status: int) -> dict[str, Any]:
    fields = {"headers": headers(_OF_PROBLEMS[status])} if status in _OF_PROBLEMS else {}
    return {"description": phrase(status), "content": PROBLEM, **fields}


class Documented(FastAPI):
    """An application whose document says what is sent, and nothing else; `more` has the last word on it."""

    more: Callable[[dict[str, Any]], None] | None = None

    def openapi(self) -> dict[str, Any]:
        document = super().openapi()
        schemas = document["components"]["schemas"]
        if "Problem" not in schemas:  # else it is done already: FastAPI keeps what it has made
            schemas["Problem"] = Problem.model_json_schema()
            schemas["ClusterResult"]["required"].remove("labels")  # `?labels=none` leaves them out
            _without_validation_errors(document)
            _without_null_parameters(document)
            _words_of_unions(document)
            if self.more is not None:
                self.more(document)
        return document


def _without_validation_errors(document: dict[str, Any]) -> None:
    """FastAPI adds its own form of 422 to each route with a parameter; ours are problems."""
    for path in document["paths"].values():
        for operation in path.values():
            answer = operation["responses"].get("422", {})
            if "application/json" in answer.get("content", {}):
                del operation["responses"]["422"]
    for name in ("HTTPValidationError", "ValidationError"):
        document["components"]["schemas"].pop(name, None)


def _without_null_parameters(document: dict[str, Any]) -> None:
    """A parameter that may be left out is no `null` of JSON: an address and a header field have only words."""
    for path in document["paths"].values():
        for operation in path.values():
            for parameter in operation.get("parameters", ()):
                schema = parameter["schema"]
                some = [variant for variant in schema.get("anyOf", ()) if variant.get("type") != "null"]
                if len(some) == 1:
                    del schema["anyOf"]
                    schema.update(some[0])


def _words_of_unions(node: Any) -> None:
    """A `const` in a union as an `enum` of one word, which says the same: openapi-python-client fails at it."""
    if isinstance(node, dict):
        for variant in node.get("anyOf", ()):
            if "const" in variant:
                variant["enum"] = [variant.pop("const")]
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        _words_of_unions(child)
