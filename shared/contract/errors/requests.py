"""What is wrong with a request, whatever it is about."""

from collections.abc import Sequence
from typing import Any

from shared.contract.errors.base import LONG, FieldError, HuemillError


class InvalidRequest(HuemillError):
    """The request contradicts itself or the contract.

    Read the `detail`: it names the part that is wrong.
    """

    code = "invalid_request"


def _got(value: Any) -> str:
    text = repr(value)
    return f" (got {text})" if len(text) <= 60 and value != LONG else ""


class InvalidParams(InvalidRequest):
    """A parameter is unknown, of another algorithm, of the wrong type, or out of range.

    `errors` has an entry for each: its `pointer`, what came, and what is allowed.
    """

    code = "invalid_params"

    def __init__(self, errors: Sequence[FieldError]) -> None:
        self.errors = list(errors)
        super().__init__(
            "; ".join(f"{error['field']} {error['message']}{_got(error['value'])}" for error in self.errors)
        )

    def __reduce__(self) -> tuple[type["InvalidParams"], tuple[list[FieldError]]]:
        # Else by the message, of which none can be made: the process pool that raised it would break.
        return type(self), (self.errors,)


class UnsupportedMediaType(HuemillError):
    """The body is of no form that the gateway takes.

    Send multipart/form-data, JSON, or the image itself as image/* or application/octet-stream.
    """

    code = "unsupported_media_type"


class UnsupportedEncoding(HuemillError):
    """The body is compressed, or encoded in another way.

    Send it as it is.
    """

    code = "unsupported_encoding"


class HeadTooLarge(HuemillError):
    """The head of the request has more bytes or fields than the gateway takes.

    Send fewer or shorter header fields; cookies are not wanted here.
    """

    code = "head_too_large"


class AddressTooLong(HuemillError):
    """The address of the request is longer than the gateway takes.

    Send the parameters in the body: as the part `params` of a form, or as JSON.
    """

    code = "address_too_long"


class HeadStalled(HuemillError):
    """The head of the request did not come in time.

    Try again on a better connection.
    """

    code = "head_stalled"
    retryable = True


class TooManyConnections(HuemillError):
    """More connections are open than the operator allows, in all or from one address.

    Close some, use one for several requests, and try again after `Retry-After`.
    """

    code = "too_many_connections"
    retryable = True


class HostRefused(HuemillError):
    """The request is for a host that this gateway does not answer for.

    Use the name that the operator gives it (`HUEMILL_ALLOWED_HOSTS`).
    """

    code = "host_refused"


class OriginRefused(HuemillError):
    """A web page of another origin than those that the operator allows has asked for a WebSocket, or has sent something
    to a gateway that asks for no keys.

    Have the operator name the page's origin in `HUEMILL_CORS_ORIGINS`.
    """

    code = "origin_refused"


class UpgradeRequired(HuemillError):
    """A WebSocket was asked for as if it were a document.

    Open it with a WebSocket client, at `ws://` or `wss://`.
    """

    code = "upgrade_required"


class NotAcceptable(HuemillError):
    """There is no representation that `Accept` allows.

    The `detail` names those that there are.
    """

    code = "not_acceptable"


class PreconditionFailed(HuemillError):
    """What is here is another than `If-Match` names.

    Leave the field out to get this one.
    """

    code = "precondition_failed"


class RangeNotSatisfiable(HuemillError):
    """The range begins beyond the end of the file.

    `Content-Range` says how long the file is.

    `size` is the whole file's, in bytes.
    """

    code = "range_not_satisfiable"

    def __init__(self, size: int) -> None:
        self.size = size
        super().__init__(f"The file has {size:,} bytes, and none where the range begins.")

    def __reduce__(self) -> tuple[type["RangeNotSatisfiable"], tuple[int]]:
        return type(self), (self.size,)


class InvalidIdempotencyKey(InvalidParams):
    """The `Idempotency-Key` is empty, too long, given twice, or has characters that are not visible ASCII.

    Give 1 to 255 visible ASCII characters, such as a UUID.
    """

    code = "invalid_idempotency_key"


class IdempotencyKeyReused(HuemillError):
    """The `Idempotency-Key` was given to a request with another image or other parameters within the last 24 hours.

    Give every request a key of its own, and repeat it unchanged.
    """

    code = "idempotency_key_reused"


class IdempotencyConflict(HuemillError):
    """A request with the same `Idempotency-Key` is still being received.

    Send the request again after `Retry-After`: then it is answered with the job that the first one has become.
    """

    code = "idempotency_conflict"
    retryable = True
