"""What a client's own server is sent, for the OpenAPI document."""

from typing import Any

from shared.jobs.deliveries import EVENTS

_HEADERS = {
    "webhook-id": "The message's name, the same each time that it is sent: what has come before is passed over.",
    "webhook-timestamp": "When it is sent, in seconds since 1970: what is older than five minutes is refused.",
    "webhook-signature": "`v1,` and base64 of HMAC-SHA256 of `id.timestamp.body`; several, separated by spaces.",
}
_MESSAGE = {
    "title": "CallbackMessage",
    "type": "object",
    "required": ["type", "timestamp", "data"],
    "properties": {
        "type": {"type": "string", "enum": [f"job.{event}" for event in EVENTS]},
        "timestamp": {"type": "string", "format": "date-time", "description": "When the job entered that state."},
        "data": {
            "type": "object",
            "description": "The job as `GET /v1/jobs/{job_id}` answers it when the message is sent. The whole is below "
            "20 kB: what has no room is left out, first the result (null), then parameters.",
        },
    },
}
CALLBACKS: dict[str, Any] = {
    "job": {
        "{$request.body#/callback_url}": {
            "post": {
                "operationId": "job_callback",
                "summary": "A job has ended, or begun to run",
                "description": "Sent to `callback_url` as Standard Webhooks have it, until it is answered with 2xx: "
                "up to ten times within some three days. 410 ends it; no redirect is followed; `Retry-After` is heard.",
                "parameters": [
                    {
                        "name": name,
                        "in": "header",
                        "required": True,
                        "description": description,
                        "schema": {"type": "string"},
                    }
                    for name, description in _HEADERS.items()
                ],
                "requestBody": {"required": True, "content": {"application/json": {"schema": _MESSAGE}}},
                "responses": {
                    "2XX": {"description": "It has arrived"},
                    "410": {"description": "Nobody wants to be told any more"},
                    "default": {"description": "It is sent again later"},
                },
            }
        }
    }
}
"""Of the operation that takes jobs. The address may as well stand in the query, or be a form's field."""
