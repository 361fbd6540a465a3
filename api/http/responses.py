"""JSON answers that were made as plain values."""

from typing import Any

import orjson
from fastapi import Response


class Json(Response):
    """A value as JSON, by orjson."""

    media_type = "application/json"

    def __init__(self, content: Any, status_code: int = 200, headers: dict[str, str] | None = None) -> None:
        super().__init__(content, status_code, headers)

    def render(self, content: Any) -> bytes:
        return orjson.dumps(content)
