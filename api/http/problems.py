"""Errors as application/problem+json (RFC 9457): what is wrong, where, and what to do. Never a trace, never a path."""

import logging
import math
import re
from collections.abc import Mapping
from typing import Any

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.routing import Match

from api.http.hrefs import href
from api.http.phrases import phrase
from shared.contract import errors
from shared.contract.params import plain

log = logging.getLogger("huemill.api")

RETRY_SECONDS = "5"
CHALLENGE = 'Bearer realm="huemill"'
QUOTA_EXCEEDED = "https://iana.org/assignments/http-problem-types#quota-exceeded"
POLL_SECONDS = "1"
"""After which a job that has not ended is worth another look."""

STATUS: dict[type[errors.HuemillError], int] = {
    errors.InvalidRequest: 400,
    errors.InvalidParams: 422,
    errors.InvalidIdempotencyKey: 400,
    errors.Unauthorized: 401,
    errors.InsufficientScope: 403,
    errors.QuotaExceeded: 429,
    errors.IdempotencyKeyReused: 422,
    errors.IdempotencyConflict: 409,
    errors.HeadTooLarge: 431,
    errors.AddressTooLong: 414,
    errors.HeadStalled: 408,
    errors.TooManyConnections: 503,
    errors.HostRefused: 421,
    errors.UploadTooLarge: 413,
    errors.UploadStalled: 408,
    errors.TooManyUploads: 503,
    errors.FetchDisabled: 403,
    errors.UrlRefused: 422,
    errors.FetchFailed: 422,
    errors.CallbacksDisabled: 403,
    errors.NothingToReplay: 409,
    errors.UnknownImage: 422,
    errors.UnsupportedMediaType: 415,
    errors.UnsupportedEncoding: 415,
    errors.UnsupportedImage: 415,
    errors.BrokenImage: 422,
    errors.ImageTooLarge: 413,
    errors.NothingToCluster: 422,
    errors.TooManyColors: 422,
    errors.TooManyClusters: 422,
    errors.TooManyPixels: 422,
    errors.OriginRefused: 403,
    errors.UpgradeRequired: 426,
    errors.NotFound: 404,
    errors.NotFinished: 409,
    errors.JobFailed: 422,
    errors.JobCancelled: 422,
    errors.AlreadyEnded: 409,
    errors.QueueFull: 503,
    errors.Expired: 410,
    errors.NotAcceptable: 406,
    errors.PreconditionFailed: 412,
    errors.RangeNotSatisfiable: 416,
    errors.Unavailable: 503,
    errors.Refused: 503,
    errors.UnknownParameters: 500,
    errors.UnreadableRecord: 500,
    errors.StorageFull: 507,
    errors.StorageFailed: 503,
    errors.Internal: 500,
}


def problem(status: int, code: str, detail: str, **more: Any) -> Response:
    """A problem document; `code` is stable, `detail` is for people."""
    body = {
        "type": href(f"/v1/errors/{code}"),
        "title": phrase(status),
        "status": status,
        "code": code,
        "detail": detail,
    }
    headers = {"Retry-After": RETRY_SECONDS} if status in (429, 503, 507) else {}
    if status in (408, 413):
        # The rest of the body is not wanted: the client learns so instead of sending it all.
        headers["Connection"] = "close"
    return Response(orjson.dumps({**body, **more}), status, headers, media_type="application/problem+json")


async def _huemill_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, errors.HuemillError)
    return problem_of(error)


def problem_of(error: errors.HuemillError) -> Response:
    """An error of ours as a problem document."""
    if isinstance(error, errors.InvalidParams):
        return problem(STATUS[type(error)], error.code, str(error), errors=[_echo(entry) for entry in error.errors])
    if isinstance(error, errors.Unavailable):
        log.warning("Redis: %s", error.__cause__)
    if isinstance(error, errors.StorageFailed | errors.StorageFull):
        log.error("storage: %s", error, exc_info=error.__cause__)
    if isinstance(error, errors.QuotaExceeded):
        return _quota_exceeded(error)
    response = problem(STATUS[type(error)], error.code, str(error))
    if isinstance(error, errors.UnsupportedEncoding):
        response.headers["Accept-Encoding"] = "identity"  # RFC 9110, section 15.5.16
    if isinstance(error, errors.NotFinished | errors.IdempotencyConflict):
        response.headers["Retry-After"] = POLL_SECONDS
    if isinstance(error, errors.UpgradeRequired):
        response.headers.update({"Upgrade": "websocket", "Connection": "Upgrade"})  # section 15.5.22
    if isinstance(error, errors.Unauthorized):
        # RFC 6750, section 3.1: no error code where there was no key.
        response.headers["WWW-Authenticate"] = CHALLENGE + (', error="invalid_token"' if error.given else "")
    if isinstance(error, errors.InsufficientScope):
        response.headers["WWW-Authenticate"] = f'{CHALLENGE}, error="insufficient_scope", scope="{error.scope}"'
    if isinstance(error, errors.RangeNotSatisfiable):
        response.headers["Content-Range"] = f"bytes */{error.size}"
    return response


def _quota_exceeded(error: errors.QuotaExceeded) -> Response:
    """As draft-ietf-httpapi-ratelimit-headers has it: its type, and beside our code the policies of the draft."""
    policies = {"type": QUOTA_EXCEEDED, "violated-policies": [error.policy]}
    response = problem(STATUS[type(error)], error.code, str(error), **policies)
    if error.seconds is None:
        del response.headers["Retry-After"]
    else:
        response.headers["Retry-After"] = str(max(1, math.ceil(error.seconds)))
    return response


def _echo(entry: errors.FieldError) -> Mapping[str, Any]:
    """A field error with its place as a JSON pointer, and with its value if that is short enough to be sent back."""
    short = len(orjson.dumps(entry["value"], default=str)) <= 200
    return {"pointer": _pointer(entry["field"]), **entry, **({} if short else {"value": errors.LONG})}


def _pointer(field: str) -> str:
    """`exclude[1].color` as a JSON pointer (RFC 6901): `/exclude/1/color`; of all parameters, the empty one.

    For names of ours: where a client may have given the name, the error brings its pointer.
    """
    escaped = field.replace("~", "~0").replace("/", "~1").replace("]", "")
    return "" if field == "params" else "/" + re.sub(r"[\[.]", "/", escaped)


async def _request_validation(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return problem_of(
        errors.InvalidParams(
            [
                errors.FieldError(
                    field=".".join(map(str, item["loc"][1:])), value=item["input"], message=plain(item["msg"])
                )
                for item in error.errors()
            ]
        )
    )


async def _http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    detail = {
        404: "There is nothing at this address; /docs shows what there is.",
        405: "This address does not take that method; /docs shows which it takes.",
    }.get(error.status_code, str(error.detail))
    response = problem(error.status_code, phrase(error.status_code).lower().replace(" ", "_"), detail)
    response.headers.update(error.headers or {})
    if error.status_code == 405:
        response.headers["Allow"] = ", ".join(_methods(request))
    return response


def _methods(request: Request) -> list[str]:
    """All methods of the address: Starlette's own answer knows the first route's alone (RFC 9110, section 10.2.1)."""
    routes = request.app.routes
    return [
        method
        for method in ("GET", "HEAD", "POST", "DELETE")
        if any(route.matches({**request.scope, "method": method})[0] is Match.FULL for route in routes)
    ]


def defect() -> Response:
    """What is told of a defect: nothing but that it was one."""
    return problem(500, errors.Internal.code, "huemill failed by a defect of its own; its log has the details.")


async def _defect(_: Request, error: Exception) -> Response:
    return defect()


def install(app: FastAPI) -> None:
    """Let every error of the application answer as a problem document."""
    app.add_exception_handler(errors.HuemillError, _huemill_error)
    app.add_exception_handler(RequestValidationError, _request_validation)
    app.add_exception_handler(HTTPException, _http_exception)
    app.add_exception_handler(Exception, _defect)
