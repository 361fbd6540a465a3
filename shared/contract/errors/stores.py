"""What Redis and the blob store cannot do, or hold and cannot be read."""

from shared.contract.errors.base import HuemillError


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
