"""What can go wrong, as a list: each code with its status, its meaning, and what to do. Made from the error classes.

`python -m api.http.error_entries` writes docs/errors.md to standard output.
"""

import inspect
import sys
from collections.abc import Iterator

from pydantic import BaseModel, Field

from api.http.problems import STATUS
from shared.contract.errors import HuemillError


class ErrorEntry(BaseModel):
    """A code, and what it means."""

    code: str = Field(description="As `code` of a problem, or of a job's `error`.")
    status: int | None = Field(description="Of the answer; null for what only a job's `error` can be.")
    meaning: str
    remedy: str = Field(description="What a client can do.")
    retryable: bool = Field(description="Whether trying the same again can help.")


def _entry(code: str, status: int | None, meaning: str, remedy: str, *, retryable: bool = False) -> ErrorEntry:
    return ErrorEntry(code=code, status=status, meaning=meaning, remedy=remedy, retryable=retryable)


_SMALLER = "Send a smaller image, or take another algorithm."
# What no class stands for: HTTP's own, the probe's, and how attempts at a job end.
_OTHERS = [
    _entry("method_not_allowed", 405, "This address does not take that method.", "`Allow` names those that it takes."),
    _entry("no_worker", 503, "No worker was heard lately.", "Jobs are accepted, and wait for one.", retryable=True),
    _entry(
        "standing_still",
        503,
        "This gateway does not look for lost jobs any more.",
        "Have the operator look at the log.",
        retryable=True,
    ),
    _entry("out_of_memory", None, "The job needed more memory than a job may have.", _SMALLER),
    _entry("timeout", None, "The job ran for longer than its limit.", _SMALLER),
    _entry("worker_lost", None, "The job's workers were lost, most likely by the job itself.", _SMALLER),
    _entry(
        "worker_stopped",
        None,
        "The job's worker was told to stop; the attempt does not count.",
        "Nothing: the job goes on elsewhere.",
        retryable=True,
    ),
]


def _classes(kind: type[HuemillError]) -> Iterator[type[HuemillError]]:
    for child in kind.__subclasses__():
        yield child
        yield from _classes(child)


def _of_class(kind: type[HuemillError]) -> ErrorEntry:
    meaning, remedy, *_ = inspect.cleandoc(kind.__doc__ or "").split("\n\n")
    return _entry(kind.code, STATUS[kind], _line(meaning), _line(remedy), retryable=kind.retryable)


def _line(text: str) -> str:
    return " ".join(text.split())


# A class without a code of its own is told apart inside only.
ENTRIES = {
    entry.code: entry
    for entry in sorted(
        [*(_of_class(kind) for kind in _classes(HuemillError) if "code" in vars(kind)), *_OTHERS],
        key=lambda entry: entry.code,
    )
}


def markdown() -> str:
    """The list for people."""
    rows = "\n".join(
        f'| <a id="{entry.code}"></a>`{entry.code}` | {entry.status or "of a job"} | {entry.meaning} | {entry.remedy} |'
        for entry in ENTRIES.values()
    )
    return f"{_HEAD}\n| code | status | what it means | what to do |\n|---|---|---|---|\n{rows}\n"


_HEAD = """# Errors

Every answer that is an error is a problem document (RFC 9457, `application/problem+json`): `status`, `code`, which is
stable and for programs, and `detail`, which is for people and says what is wrong, where, and what to do. `type` is
the address of the code's entry, `/v1/errors/<code>` (but for `quota_exceeded`, whose type is
draft-ietf-httpapi-ratelimit-headers' own); `GET /v1/errors` lists all of them. With `invalid_params`,
`errors` has an entry for each wrong value: its `field`, its `pointer` (RFC 6901, as if all parameters stood in one
JSON object), the `value` that came and a `message`.

A job that failed has the same codes in its `error`, beside those that only a job can have. 429, 503 and 507 come
with `Retry-After`, but for an image that is larger than its key's quota: waiting does not help there.

This page is made from the error classes: `python -m api.http.error_entries > docs/errors.md`.
"""


if __name__ == "__main__":
    sys.stdout.write(markdown())
