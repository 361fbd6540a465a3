"""The forms in which a request brings its files: each is taken apart as it streams, never held whole in memory.

parts.py       what a body consists of: files, references to files, parameters
query.py       the query string, which has the parameters where the body has none
raw.py         the image itself as the body
sections.py    a multipart body, cut at its boundary
multipart.py   multipart/form-data: parts `image`, `mask`, `params`
json_body.py   a JSON object: `image_base64`, `image_url` or `image_sha256`, likewise for `mask`, and the parameters
"""

from collections.abc import AsyncIterator

from python_multipart.multipart import parse_options_header

from api.intake.body import Body, limited, patient
from api.intake.forms.json_body import JsonForm
from api.intake.forms.multipart import MultipartForm
from api.intake.forms.parts import FILES, OVERHEAD_BYTES, Parts
from api.intake.forms.raw import raw_parts
from shared.contract.errors import InvalidRequest, UnsupportedEncoding, UnsupportedMediaType
from shared.runtime.settings import Settings

MAX_BOUNDARY_BYTES = 70  # RFC 2046, section 5.1.1
_FORMS = (
    "Send the image as the part `image` of multipart/form-data, as the body itself with Content-Type: image/* or "
    "application/octet-stream, or in a JSON object with Content-Type: application/json."
)


def read_form(body: Body, settings: Settings) -> Parts:
    """The body's parts, by its Content-Type. Raises UnsupportedEncoding, and UnsupportedMediaType or InvalidRequest
    where it is of no form.
    """
    if body.encoding not in ("", "identity"):
        raise UnsupportedEncoding(f"A body with Content-Encoding: {body.encoding[:64]} is not read. Send it as it is.")
    media_type, options = parse_options_header(body.content_type)
    kind = media_type.decode("latin-1")
    files = len(FILES) * settings.max_upload_bytes
    if kind == "multipart/form-data":
        boundary = options.get(b"boundary", b"")
        if not 1 <= len(boundary) <= MAX_BOUNDARY_BYTES:
            raise InvalidRequest("The Content-Type multipart/form-data has no boundary of 1 to 70 characters.")
        return MultipartForm(_chunks(body, files + OVERHEAD_BYTES, settings), boundary).parts()
    if kind.startswith("image/") or kind == "application/octet-stream":
        return raw_parts(_chunks(body, settings.max_upload_bytes, settings))
    if kind == "application/json":
        # A third more as base64, and some writers break its lines or write / as \/.
        return JsonForm(_chunks(body, files * 3 // 2 + OVERHEAD_BYTES, settings)).parts()
    if not kind:
        raise InvalidRequest(f"There is no Content-Type. {_FORMS}")
    raise UnsupportedMediaType(f"A body of type {kind} is not taken. {_FORMS}")


def _chunks(body: Body, room: int, settings: Settings) -> AsyncIterator[bytes]:
    """The body's bytes: at most `room` of them, and no slower than a client must be."""
    chunks = patient(body.chunks, settings.upload_stall_seconds, settings.upload_min_bytes_per_second)
    return limited(chunks, settings.max_upload_bytes, room=room, length=body.length)
