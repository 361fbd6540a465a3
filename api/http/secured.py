"""What the OpenAPI document says more where the service asks for keys: how one is sent, what it may be refused for."""

from typing import Any

from api.http.access import is_open, wanted_scope
from api.http.openapi import headers, problems

_SCHEMES: dict[str, dict[str, Any]] = {
    "Bearer": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "hm_<id>_<secret><checksum>",
        "description": "An API key, in the field `Authorization`.",
    },
    "X-API-Key": {
        "type": "apiKey",
        "in": "header",
        "name": "X-API-Key",
        "description": "The same in a field of its own.",
    },
}
_REFUSALS = (401, 403, 429, 503)


def secure(document: dict[str, Any]) -> None:
    """Let the document say of each operation which scope it wants, and what comes back of a key's quotas."""
    document["components"]["securitySchemes"] = _SCHEMES
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if is_open(path):
                operation["security"] = []
            else:
                scope = str(wanted_scope(method.upper(), path))
                operation["security"] = [{name: [scope]} for name in _SCHEMES]
                _refusals(operation["responses"])


def _refusals(responses: dict[str, Any]) -> None:
    refusals = problems(*_REFUSALS)
    for number in _REFUSALS:
        responses.setdefault(str(number), refusals[number])
    for status, response in responses.items():
        if int(status) < 300 or status == "429":
            response.setdefault("headers", {}).update(headers("RateLimit", "RateLimit-Policy"))
