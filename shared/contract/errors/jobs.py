"""What can be said of a job instead of what was asked for."""

from shared.contract.errors.base import HuemillError


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
