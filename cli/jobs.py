"""Jobs from the command line: images are posted and followed to their ends; on Ctrl-C what has begun is cancelled."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from cli.client import Client, ServiceError
from cli.saving import Saved

UPLOADS_AT_ONCE = 4
ANSWER_SECONDS = 1  # after Ctrl-C, for the answers to uploads that are under way


class Done(NamedTuple):
    """A job that has succeeded."""

    job: dict[str, Any]
    saved: list[Saved]


Outcome = Done | ServiceError
"""What came of an image, or what went wrong."""
Watch = Callable[[int, str, float | None], None]
"""Takes an image's number in the order, its stage, and the finished fraction where that is known."""
Keep = Callable[[int, dict[str, Any]], list[Saved]]
"""Takes an image's number and its succeeded job, and saves what is wanted of it."""


class Batch:
    """Images that are clustered with the same parameters and mask."""

    def __init__(
        self, client: Client, params: dict[str, Any], mask: Path | None, watch: Watch, keep: Keep | None = None
    ) -> None:
        self._client, self._params, self._mask, self._watch, self._keep = client, params, mask, watch, keep
        self._posting: set[int] = set()  # images that are sent, but not yet answered
        self._jobs: set[str] = set()  # ids of jobs that have not ended

    def run(self, images: Sequence[Path]) -> list[Outcome]:
        """Post all images, a few at a time, and follow their jobs.

        On Ctrl-C the jobs that have not ended are cancelled; an upload that is not answered within a second is
        broken off.
        """
        pool = ThreadPoolExecutor(UPLOADS_AT_ONCE)
        try:
            return list(pool.map(self._outcome, range(len(images)), images))
        except KeyboardInterrupt:
            pool.shutdown(wait=False, cancel_futures=True)  # no further image is begun
            self._cancel()
            raise
        finally:
            # After Ctrl-C nobody waits for what is under way: it ends when the client is closed.
            pool.shutdown(wait=False, cancel_futures=True)

    def _outcome(self, number: int, image: Path) -> Outcome:
        self._watch(number, "upload", None)
        try:
            job = self._followed(number, self._posted(number, image))
        except OSError as error:
            self._watch(number, "unreadable", None)
            what = "mask" if self._mask is not None and error.filename == str(self._mask) else "file"
            return ServiceError(f"The {what} cannot be read: {error.strerror}.", code="unreadable")
        except ServiceError as error:
            self._watch(number, "refused", None)
            return error
        self._watch(number, "done" if job["status"] == "succeeded" else job["status"], 1.0)
        if job["status"] == "cancelled":
            return ServiceError("The job was cancelled.", code="job_cancelled")
        if job["error"] is not None:
            return ServiceError(job["error"]["message"], code=job["error"]["code"])
        return self._kept(number, job)

    def _kept(self, number: int, job: dict[str, Any]) -> Outcome:
        try:
            return Done(job, [] if self._keep is None else self._keep(number, job))
        except OSError as error:
            what = f"{error.filename} cannot be written: {error.strerror}."
            return ServiceError(what, code="unwritable")
        except ServiceError as error:
            return error

    def _posted(self, number: int, image: Path) -> str:
        """The id of the accepted job."""
        self._posting.add(number)
        try:
            job_id: str = self._client.submit(image, self._params, self._mask)["id"]
            self._jobs.add(job_id)
            return job_id
        finally:
            self._posting.discard(number)

    def _followed(self, number: int, job_id: str) -> dict[str, Any]:
        """The ended job."""
        job = self._client.wait(job_id, lambda stage, fraction: self._watch(number, stage, fraction))
        self._jobs.discard(job_id)
        return job

    def _cancel(self) -> None:
        until = time.monotonic() + ANSWER_SECONDS
        while self._posting and time.monotonic() < until:
            time.sleep(0.02)
        for job_id in list(self._jobs):
            with suppress(ServiceError):
                self._client.cancel(job_id)
