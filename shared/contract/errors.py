"""What can go wrong, as a tree.

    HuemillError
    ├── InvalidRequest        the request contradicts itself or the contract
    │   └── InvalidParams     a parameter is unknown, of another algorithm, of the wrong type, or out of range
    │       └── InvalidIdempotencyKey     the key is empty, too long, or has characters that a key has not
    ├── IdempotencyKeyReused  the key was given to another request before
    ├── IdempotencyConflict   the request that has the key is still under way
    ├── UnsupportedMediaType  the body is of no form that the gateway takes
    ├── UnsupportedEncoding   the body is compressed, or encoded in another way
    ├── HeadTooLarge / AddressTooLong / HeadStalled     a request's head, before anything is known of it
    ├── TooManyConnections    more are open than the operator allows, in all or from one address
    ├── HostRefused           the request is for a host that this gateway does not answer for
    ├── UploadTooLarge / UploadStalled
    ├── TooManyUploads        more uploads are under way than the operator allows
    ├── FetchDisabled         URLs are not fetched here
    ├── UrlRefused            the URL is of a kind, or leads to a place, that is not fetched from
    ├── FetchFailed           nothing came from the URL that could be an image
    ├── UnknownImage          the request names a stored image that is not there
    ├── UnsupportedImage      the bytes are of no format that huemill reads
    ├── BrokenImage           the format is known, the data are not whole
    ├── ImageTooLarge         more pixels than the operator allows
    ├── NothingToCluster      no pixel is left to cluster
    ├── TooManyColors         an O(U²) method, and more colours than fit its limit
    ├── TooManyClusters       more clusters than a result holds
    ├── TooManyPixels         the reference engine, and more pixels than it can take
    ├── NotFound / NotFinished / Expired / JobFailed    about a job and its result
    │   └── JobCancelled
    ├── AlreadyEnded          a job that is over cannot be cancelled
    ├── QueueFull             more jobs wait than the operator allows
    ├── NotAcceptable         no representation that the client asked for
    ├── PreconditionFailed    not the representation that the client insists on
    ├── RangeNotSatisfiable   a part beyond the end of a file
    ├── Unavailable           Redis cannot be reached
    │   └── Refused           it can, and has refused: nothing was done
    ├── UnknownParameters     a job of a later version: workers of this one cannot run it
    ├── UnreadableRecord      what Redis holds of a job or an image is broken, or in a form that a later version made
    ├── StorageFull / StorageFailed
    └── Internal              a defect of huemill's own

Each class has a stable `code`, which is part of the HTTP contract, and knows whether trying again can help.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar, TypedDict

LONG = "(long)"  # stands for a value that is too long to be sent back


class FieldError(TypedDict):
    """One wrong parameter: where, what came, and what is allowed."""

    field: str
    value: Any
    message: str


class HuemillError(Exception):
    """Base of all errors that a user may read. `str(error)` says what is wrong and what to do."""

    code: ClassVar[str] = "internal"
    retryable: ClassVar[bool] = False


class InvalidRequest(HuemillError):
    code = "invalid_request"


def _got(value: Any) -> str:
    text = repr(value)
    return f" (got {text})" if len(text) <= 60 and value != LONG else ""


class InvalidParams(InvalidRequest):
    """`errors` has one entry for each wrong parameter."""

    code = "invalid_params"

    def __init__(self, errors: Sequence[FieldError]) -> None:
        self.errors = list(errors)
        super().__init__(
            "; ".join(f"{error['field']} {error['message']}{_got(error['value'])}" for error in self.errors)
        )

    def __reduce__(self) -> tuple[type["InvalidParams"], tuple[list[FieldError]]]:
        # Else by the message, of which none can be made: the process pool that raised it would break.
        return type(self), (self.errors,)


class InvalidIdempotencyKey(InvalidParams):
    code = "invalid_idempotency_key"


class IdempotencyKeyReused(HuemillError):
    code = "idempotency_key_reused"


class IdempotencyConflict(HuemillError):
    code = "idempotency_conflict"
    retryable = True


class HeadTooLarge(HuemillError):
    code = "head_too_large"


class AddressTooLong(HuemillError):
    code = "address_too_long"


class HeadStalled(HuemillError):
    code = "head_stalled"
    retryable = True


class TooManyConnections(HuemillError):
    code = "too_many_connections"
    retryable = True


class HostRefused(HuemillError):
    code = "host_refused"


class UploadTooLarge(HuemillError):
    code = "upload_too_large"


class UploadStalled(HuemillError):
    code = "upload_stalled"
    retryable = True


class TooManyUploads(HuemillError):
    code = "too_many_uploads"
    retryable = True


class FetchDisabled(HuemillError):
    code = "fetch_disabled"


class UrlRefused(HuemillError):
    code = "url_refused"


class FetchFailed(HuemillError):
    code = "fetch_failed"
    retryable = True


class UnknownImage(HuemillError):
    code = "unknown_image"


class UnsupportedMediaType(HuemillError):
    code = "unsupported_media_type"


class UnsupportedEncoding(HuemillError):
    code = "unsupported_encoding"


class UnsupportedImage(HuemillError):
    code = "unsupported_image"


class BrokenImage(HuemillError):
    code = "broken_image"


class ImageTooLarge(HuemillError):
    code = "image_too_large"


@contextmanager
def errors_about(name: str) -> Iterator[None]:
    """Within, what is wrong with a file is said of `name`; of the image itself it is said anyway."""
    try:
        yield
    except (UploadTooLarge, UrlRefused, FetchFailed, UnsupportedImage, BrokenImage, ImageTooLarge) as error:
        if name == "image":
            raise
        raise type(error)(f"The {name} cannot be read. {error}") from error


class NothingToCluster(HuemillError):
    code = "nothing_to_cluster"


class TooManyColors(HuemillError):
    code = "too_many_colors"


class TooManyClusters(HuemillError):
    code = "too_many_clusters"


class TooManyPixels(HuemillError):
    code = "too_many_pixels"


class NotFound(HuemillError):
    code = "not_found"


class NotFinished(HuemillError):
    code = "not_finished"
    retryable = True


class JobFailed(HuemillError):
    code = "job_failed"


class JobCancelled(JobFailed):
    code = "job_cancelled"


class AlreadyEnded(HuemillError):
    code = "already_ended"


class QueueFull(HuemillError):
    code = "queue_full"
    retryable = True


class Expired(HuemillError):
    code = "expired"


class NotAcceptable(HuemillError):
    code = "not_acceptable"


class PreconditionFailed(HuemillError):
    code = "precondition_failed"


class RangeNotSatisfiable(HuemillError):
    """`size` is the whole file's, in bytes."""

    code = "range_not_satisfiable"

    def __init__(self, size: int) -> None:
        self.size = size
        super().__init__(f"The file has {size:,} bytes, and none where the range begins.")

    def __reduce__(self) -> tuple[type["RangeNotSatisfiable"], tuple[int]]:
        return type(self), (self.size,)


class Unavailable(HuemillError):
    code = "unavailable"
    retryable = True


class Refused(Unavailable):
    """Redis has answered that it takes no writes, has no room, does not know us."""


class UnknownParameters(HuemillError):
    code = "unknown_parameters"


class UnreadableRecord(HuemillError):
    code = "unreadable_record"


class StorageFull(HuemillError):
    code = "storage_full"
    retryable = True


class StorageFailed(HuemillError):
    code = "storage"
    retryable = True


class Internal(HuemillError):
    code = "internal"
