"""What a status is called (RFC 9110, section 15), the same whatever version of Python the gateway runs on."""

from http import HTTPStatus

# Before 3.13 Python has the words of RFC 7231 and of WebDAV for these.
_NEWER = {413: "Content Too Large", 414: "URI Too Long", 416: "Range Not Satisfiable", 422: "Unprocessable Content"}


def phrase(status: int) -> str:
    return _NEWER.get(status) or HTTPStatus(status).phrase
