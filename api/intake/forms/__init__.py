"""The forms in which a request brings its files: each is taken apart as it streams, never held whole in memory.

base.py        what the forms share: the bounded stream, the query's parameters
raw.py         the image itself as the body, parameters in the query string
multipart.py   multipart/form-data: parts `image`, `mask`, `params`
json_body.py   a JSON object: `image_base64`, `image_url` or `image_sha256`, likewise for `mask`, and the parameters
"""

from fastapi import Request
from python_multipart.multipart import parse_options_header

from api.intake.forms.base import Form
from api.intake.forms.json_body import JsonForm
from api.intake.forms.multipart import MultipartForm
from api.intake.forms.raw import RawForm
from shared.contract.errors import InvalidRequest, UnsupportedMediaType
from shared.runtime.settings import Settings

MAX_BOUNDARY_BYTES = 70  # RFC 2046, section 5.1.1
_FORMS = (
    "Send the image as the part `image` of multipart/form-data, as the body itself with Content-Type: image/* or "
    "application/octet-stream, or in a JSON object with Content-Type: application/json."
)


def read_form(request: Request, settings: Settings) -> Form:
    """The request's form, by its Content-Type. Raises UnsupportedMediaType or InvalidRequest where it has none."""
    media_type, options = parse_options_header(request.headers.get("content-type"))
    kind = media_type.decode("latin-1")
    if kind == "multipart/form-data":
        boundary = options.get(b"boundary", b"")
        if not 1 <= len(boundary) <= MAX_BOUNDARY_BYTES:
            raise InvalidRequest("The Content-Type multipart/form-data has no boundary of 1 to 70 characters.")
        return MultipartForm(request, boundary, settings)
    if kind.startswith("image/") or kind == "application/octet-stream":
        return RawForm(request, settings)
    if kind == "application/json":
        return JsonForm(request, settings)
    if not kind:
        raise InvalidRequest(f"There is no Content-Type. {_FORMS}")
    raise UnsupportedMediaType(f"A body of type {kind} is not taken. {_FORMS}")
