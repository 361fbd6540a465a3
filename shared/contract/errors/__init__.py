"""What can go wrong, as a tree: access.py, requests.py, images.py, jobs.py and stores.py have a branch each, base.py
the root.

    HuemillError
    ├── InvalidRequest
    │   └── InvalidParams
    │       └── InvalidIdempotencyKey
    ├── IdempotencyKeyReused / IdempotencyConflict
    ├── Unauthorized / InsufficientScope / QuotaExceeded
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

from shared.contract.errors.access import (
    InsufficientScope,
    QuotaExceeded,
    Unauthorized,
)
from shared.contract.errors.base import (
    LONG,
    FieldError,
    HuemillError,
    Internal,
)
from shared.contract.errors.images import (
    BrokenImage,
    FetchDisabled,
    FetchFailed,
    ImageTooLarge,
    NothingToCluster,
    TooManyClusters,
    TooManyColors,
    TooManyPixels,
    TooManyUploads,
    UnknownImage,
    UnsupportedImage,
    UploadStalled,
    UploadTooLarge,
    UrlRefused,
    errors_about,
)
from shared.contract.errors.jobs import (
    AlreadyEnded,
    CallbacksDisabled,
    Expired,
    JobCancelled,
    JobFailed,
    NotFinished,
    NotFound,
    NothingToReplay,
    QueueFull,
)
from shared.contract.errors.requests import (
    AddressTooLong,
    HeadStalled,
    HeadTooLarge,
    HostRefused,
    IdempotencyConflict,
    IdempotencyKeyReused,
    InvalidIdempotencyKey,
    InvalidParams,
    InvalidRequest,
    NotAcceptable,
    OriginRefused,
    PreconditionFailed,
    RangeNotSatisfiable,
    TooManyConnections,
    UnsupportedEncoding,
    UnsupportedMediaType,
    UpgradeRequired,
)
from shared.contract.errors.stores import (
    Refused,
    StorageFailed,
    StorageFull,
    Unavailable,
    UnknownParameters,
    UnreadableRecord,
)

__all__ = [
    "LONG",
    "AddressTooLong",
    "AlreadyEnded",
    "BrokenImage",
    "CallbacksDisabled",
    "Expired",
    "FetchDisabled",
    "FetchFailed",
    "FieldError",
    "HeadStalled",
    "HeadTooLarge",
    "HostRefused",
    "HuemillError",
    "IdempotencyConflict",
    "IdempotencyKeyReused",
    "ImageTooLarge",
    "InsufficientScope",
    "Internal",
    "InvalidIdempotencyKey",
    "InvalidParams",
    "InvalidRequest",
    "JobCancelled",
    "JobFailed",
    "NotAcceptable",
    "NotFinished",
    "NotFound",
    "NothingToCluster",
    "NothingToReplay",
    "OriginRefused",
    "PreconditionFailed",
    "QueueFull",
    "QuotaExceeded",
    "RangeNotSatisfiable",
    "Refused",
    "StorageFailed",
    "StorageFull",
    "TooManyClusters",
    "TooManyColors",
    "TooManyConnections",
    "TooManyPixels",
    "TooManyUploads",
    "Unauthorized",
    "Unavailable",
    "UnknownImage",
    "UnknownParameters",
    "UnreadableRecord",
    "UnsupportedEncoding",
    "UnsupportedImage",
    "UnsupportedMediaType",
    "UpgradeRequired",
    "UploadStalled",
    "UploadTooLarge",
    "UrlRefused",
    "errors_about",
]
