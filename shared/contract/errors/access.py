"""Why somebody is not let in, or may have no more."""

from shared.contract.errors.base import HuemillError


class Unauthorized(HuemillError):
    """The request has no API key, or one that is not valid: mistyped, unknown, expired or revoked.

    Send a key as `Authorization: Bearer` or `X-API-Key`; the operator makes one.
    """

    code = "unauthorized"

    def __init__(self, message: str, *, given: bool) -> None:
        """`given`: whether there was a key at all."""
        self.given = given
        super().__init__(message)


class InsufficientScope(HuemillError):
    """The API key is not for this: it lacks the scope that the `detail` names.

    Use another key, or have the operator make one with that scope.
    """

    code = "insufficient_scope"

    def __init__(self, scope: str) -> None:
        self.scope = scope
        super().__init__(f"This wants a key with the scope {scope}, which this one does not have.")


class QuotaExceeded(HuemillError):
    """The key has used up what it may use: of requests, of pixels an hour, or of jobs that wait at a time.

    Try again after `Retry-After`; without it the image is larger than the quota: send a smaller one.
    `violated-policies` names the quota, `RateLimit-Policy` says how much it is.
    """

    code = "quota_exceeded"
    retryable = True

    def __init__(self, message: str, policy: str, seconds: float | None) -> None:
        """`policy`: `requests`, `pixels` or `queued`; `seconds`: after which it is worth trying again; None: never."""
        self.policy, self.seconds = policy, seconds
        super().__init__(message)
