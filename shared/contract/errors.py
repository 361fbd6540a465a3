"""What can go wrong, as a tree.

    HuemillError
    ├── InvalidRequest
    │   └── InvalidParams
    │       └── InvalidIdempotencyKey
    ├── IdempotencyKeyReused / IdempotencyConflict
    ├── UnsupportedMediaType / UnsupportedEncoding
    ├── HeadTooLarge / AddressTooLong / HeadStalled     a request's head, before anything is known of it
    ├── TooManyConnections / HostRefused / OriginRefused / UpgradeRequired
    ├── UploadTooLarge / UploadStalled / TooManyUploads
    ├── FetchDisabled / UrlRefused / FetchFailed        an image by its address
    ├── CallbacksDisabled / NothingToReplay
    ├── UnknownImage
    ├── UnsupportedImage / BrokenImage / ImageTooLarge
    ├── NothingToCluster / TooManyColors / TooManyClusters / TooManyPixels
    ├── NotFound / NotFinished / Expired / JobFailed    about a job and its result
    │   └── JobCancelled
    ├── AlreadyEnded
    ├── QueueFull
    ├── NotAcceptable / PreconditionFailed / RangeNotSatisfiable
    ├── Unavailable           Redis cannot be reached
    │   └── Refused           it can, and has refused: nothing was done
    ├── UnknownParameters / UnreadableRecord            of a later version
    ├── StorageFull / StorageFailed
    └── Internal              a defect of huemill's own

Each class has a stable `code`, which is part of the HTTP contract, and knows whether trying again can help. It says in
its first paragraph what it means, and in its second what a client can do: docs/errors.md and `GET /v1/errors` are made
from that.
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

    `errors` has one entry for each wrong parameter.
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
    """A web page of another origin than those that the operator allows has asked for a WebSocket.

    Have the operator name the page's origin in `HUEMILL_CORS_ORIGINS`.
    """

    code = "origin_refused"


class UpgradeRequired(HuemillError):
    """A WebSocket was asked for as if it were a document.

    Open it with a WebSocket client, at `ws://` or `wss://`.
    """

    code = "upgrade_required"


class UploadTooLarge(HuemillError):
    """The image has more bytes than the operator allows.

    Send a smaller file.
    """

    code = "upload_too_large"


class UploadStalled(HuemillError):
    """The upload was too slow for too long.

    Try again on a better connection.
    """

    code = "upload_stalled"
    retryable = True


class TooManyUploads(HuemillError):
    """More uploads are under way than the operator allows.

    Try again after `Retry-After`.
    """

    code = "too_many_uploads"
    retryable = True


class FetchDisabled(HuemillError):
    """URLs are not fetched here.

    Send the image itself, or have the operator set `HUEMILL_FETCH_URLS`.
    """

    code = "fetch_disabled"


class UrlRefused(HuemillError):
    """The URL is of a kind, or leads to a place, that is not fetched from.

    Give an http or https address that is public, or send the image itself.
    """

    code = "url_refused"


class FetchFailed(HuemillError):
    """Nothing came from the URL that could be an image.

    Look whether the address gives the image to everybody; try again, or send the image itself.
    """

    code = "fetch_failed"
    retryable = True


class CallbacksDisabled(HuemillError):
    """This service calls nobody back: its operator has set no secret to sign with.

    Leave out `callback_url` and `callback_events`, and follow the job's events instead.
    """

    code = "callbacks_disabled"


class NothingToReplay(HuemillError):
    """The job has no callback that was made within the last week.

    Callbacks are made when a job enters a state that `callback_events` names; give `callback_url` with the job.
    """

    code = "nothing_to_replay"


class UnknownImage(HuemillError):
    """The request names a stored image that is not there: it never was, or it has expired.

    Store it again with `POST /v1/images`, or send the image itself.
    """

    code = "unknown_image"


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


class UnsupportedImage(HuemillError):
    """The bytes are of no image format that huemill reads, or use a part of one that it does not.

    Convert the image, to PNG for instance.
    """

    code = "unsupported_image"


class BrokenImage(HuemillError):
    """The format of the image is known, and its data are not whole.

    Send the whole file; open it in another program to see whether it is.
    """

    code = "broken_image"


class ImageTooLarge(HuemillError):
    """The image has more pixels, or longer sides, than the operator allows.

    Send a smaller image.
    """

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
    """No pixel is left to cluster: all are transparent, masked, excluded or outside of the region.

    Change the mask, `region`, `exclude` or `alpha`.
    """

    code = "nothing_to_cluster"


class TooManyColors(HuemillError):
    """The image has more distinct colours than the algorithm's limit on memory allows.

    Give `max_pixels`, a `region`, or take another algorithm.
    """

    code = "too_many_colors"


class TooManyClusters(HuemillError):
    """The result would have more clusters than a result holds.

    Ask for fewer or larger clusters.
    """

    code = "too_many_clusters"


class TooManyPixels(HuemillError):
    """The image has more pixels than the reference engine can take.

    Take `engine` `exact`, or give `max_pixels`.
    """

    code = "too_many_pixels"


class NotFound(HuemillError):
    """There is nothing at this address, or no job, image or file of this name: it was deleted, or never was.

    Look at the address; ids are given by `POST /v1/jobs`.
    """

    code = "not_found"


class NotFinished(HuemillError):
    """The job has no result yet.

    Wait for it: `GET /v1/jobs/{id}?wait=20`, its events, or `Retry-After`.
    """

    code = "not_finished"
    retryable = True


class JobFailed(HuemillError):
    """The job failed, and so has no result.

    `GET /v1/jobs/{id}` says why, in `error`.
    """

    code = "job_failed"


class JobCancelled(JobFailed):
    """The job was cancelled, and so has no result.

    Post it again if it is wanted after all.
    """

    code = "job_cancelled"


class AlreadyEnded(HuemillError):
    """A job that is over cannot be cancelled.

    `DELETE` removes it.
    """

    code = "already_ended"


class QueueFull(HuemillError):
    """More jobs wait than the operator allows.

    Try again after `Retry-After`.
    """

    code = "queue_full"
    retryable = True


class Expired(HuemillError):
    """The result, or the job's events, are not kept any more.

    Post the job again.
    """

    code = "expired"


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


class Unavailable(HuemillError):
    """The job store (Redis) cannot be reached at the moment, or refuses.

    Try again after `Retry-After`.
    """

    code = "unavailable"
    retryable = True


class Refused(Unavailable):
    """Redis has answered that it takes no writes, has no room, does not know us."""


class UnknownParameters(HuemillError):
    """The job's parameters are of a later version of huemill than its workers.

    Have the operator update the workers, and post the job again.
    """

    code = "unknown_parameters"


class UnreadableRecord(HuemillError):
    """What the job store holds of a job or an image is broken, or of a later version of huemill.

    `DELETE` removes the job; have the operator look at the log.
    """

    code = "unreadable_record"


class StorageFull(HuemillError):
    """There is no room left where uploads and results are kept.

    Try again after `Retry-After`, and tell the operator.
    """

    code = "storage_full"
    retryable = True


class StorageFailed(HuemillError):
    """The store of uploads and results cannot be reached, or refuses.

    Try again after `Retry-After`.
    """

    code = "storage"
    retryable = True


class Internal(HuemillError):
    """A defect of huemill's own.

    Have the operator look at the log; trying again rarely helps.
    """

    code = "internal"
