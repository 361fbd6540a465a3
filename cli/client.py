"""Talking to the gateway over HTTP: post an image, follow its job, fetch what it made."""

import io
import os
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, BinaryIO, TypeVar, cast
from urllib.parse import quote

import click
import httpx
import orjson

from cli.naming import readable
from shared.access.text import NoKey, read_key

ENDED = ("succeeded", "failed", "cancelled")
# Half a second apart: longer than `huemill serve` takes to start its gateway again.
RECONNECTS = 20
# Codes of what may be over in a moment: the gateway is started again, or waits for Redis.
PASSING = ("unreachable", "unavailable")
# Of what is over at a time that the service names: who comes back then is let in. So often, and for so long at a time.
BUSY = ("quota_exceeded", "queue_full", "too_many_uploads", "too_many_connections")
MOST_WAITS, MOST_WAIT_SECONDS = 100, 60.0
# What a gateway takes by default.
_READ_WHOLE = 1 << 26
T = TypeVar("T")
Progress = Callable[[str, float], None]
"""Takes the stage and the finished fraction."""


class ServiceError(Exception):
    """The service refused, or cannot be reached; the message is for a person."""

    def __init__(self, message: str, *, code: str = "unreachable", retry_after: str = "") -> None:
        super().__init__(message)
        self.code = code
        seconds = float(retry_after) if code in BUSY and retry_after.isdecimal() else None
        self.wait_seconds = seconds if seconds is not None and seconds <= MOST_WAIT_SECONDS else None
        """After which it is over; None where waiting does not help, or takes too long."""


class Client:
    """A gateway at a URL, which is asked with the key in HUEMILL_KEY, if there is one."""

    def __init__(self, url: str) -> None:
        self.url = (url if "://" in url else f"http://{url}").rstrip("/")
        key = _key()
        self._closed = threading.Event()
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        # Proxies of the environment are for the world outside, not for a service of one's own.
        try:
            self._http = httpx.Client(
                base_url=self.url, timeout=httpx.Timeout(30, connect=5), trust_env=False, headers=headers
            )
        except httpx.InvalidURL as error:
            raise click.UsageError(f"--url {readable(url)!r} is no address: {str(error).rstrip('.')}.") from None

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self._closed.set()
        self._http.close()

    def submit(self, image: Path, params: dict[str, Any], mask: Path | None = None) -> dict[str, Any]:
        """Post an image; the accepted job. Raises ServiceError, or OSError for a file that cannot be read."""
        form: dict[str, Any] = {"params": (None, orjson.dumps(params), "application/json")}
        with ExitStack() as files:
            for name, path in (("image", image), ("mask", mask)):
                if path is not None:
                    form[name] = (readable(path.name), _whole(files.enter_context(path.open("rb")), path))
            return cast(dict[str, Any], self._json("POST", "/v1/jobs", files=form))

    def job(self, job_id: str) -> dict[str, Any]:
        return cast(dict[str, Any], self._json("GET", f"/v1/jobs/{job_id}"))

    def cancel(self, job_id: str) -> None:
        """Cancel a job that has not ended; one that has is left as it is."""
        try:
            self.cancelled(job_id)
        except ServiceError as error:
            if error.code != "already_ended":
                raise

    def cancelled(self, job_id: str) -> None:
        """Cancel a job. Raises ServiceError, also for one that has ended otherwise."""
        self._json("POST", f"/v1/jobs/{quote(job_id, safe='')}/cancel")

    def jobs(self, **wanted: Any) -> Iterator[dict[str, Any]]:
        """The jobs that are kept, the newest first, page by page; `wanted` as `GET /v1/jobs` takes it."""
        address: str | None = "/v1/jobs"
        params: dict[str, Any] | None = {name: value for name, value in wanted.items() if value}
        while address is not None:
            page = self._json("GET", address, params=params)
            yield from page["jobs"]
            # Under the prefix of a proxy it begins with that, as the client's own addresses do.
            address, params = page["next"], None

    def result(self, job_id: str) -> dict[str, Any]:
        """The whole result, less the label map's data, which has a file of its own."""
        return cast(dict[str, Any], self._json("GET", f"/v1/jobs/{job_id}/result", params={"labels": "none"}))

    def download(self, address: str, path: Path) -> None:
        """Write the file at the address into `path`, piece by piece: the whole of it, or nothing.

        Raises ServiceError, or OSError for a path that cannot be written.
        """
        part = path.with_name(path.name + ".part")

        def fetch() -> None:
            with self._reached(), self._http.stream("GET", address) as answer:
                if answer.is_error:
                    answer.read()
                    raise _refusal(answer)
                with part.open("wb") as file:
                    for piece in answer.iter_bytes():
                        file.write(piece)

        try:
            self._let_in(fetch)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)

    def wait(self, job_id: str, progress: Progress) -> dict[str, Any]:
        """Follow the job's events to its end, and again from the last one after a cut; the ended job."""
        last, cuts, waits = "0-0", 0, 0
        while True:
            try:
                for event_id, name, data in self._events(job_id, last):
                    last, cuts, waits = event_id, 0, 0
                    if name == "progress":
                        progress(data["stage"], data["fraction"])
                    if name in ENDED:
                        break
                # Without a last event too it may have ended: then its events are gone.
                job = self.job(job_id)
                if job["status"] in ENDED:
                    return job
            except (httpx.TransportError, ServiceError) as error:
                if isinstance(error, ServiceError) and error.wait_seconds is not None and waits < MOST_WAITS:
                    waits += 1
                    self._pause(error.wait_seconds)
                    continue
                if isinstance(error, ServiceError) and error.code not in PASSING:
                    raise
                cuts += 1
                if cuts > RECONNECTS:
                    raise ServiceError(f"The connection to {self.url} was lost: {error}") from None
                self._pause(0.5)

    def _events(self, job_id: str, after: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
        """Server-sent events as (id, name, data)."""
        headers = {"Last-Event-ID": after, "Accept": "text/event-stream"}
        with self._http.stream("GET", f"/v1/jobs/{job_id}/events", headers=headers) as answer:
            if answer.is_error:
                answer.read()
                raise _refusal(answer)
            fields: dict[str, str] = {}
            for line in answer.iter_lines():
                if line:
                    name, _, value = line.partition(":")
                    fields[name] = value.removeprefix(" ")
                elif "data" in fields:
                    yield fields.get("id", after), fields.get("event", "message"), orjson.loads(fields["data"])
                    fields = {}
                else:
                    fields = {}

    def _json(self, method: str, path: str, **options: Any) -> Any:
        return orjson.loads(self._send(method, path, **options).content)

    def _send(self, method: str, path: str, **options: Any) -> httpx.Response:
        def ask() -> httpx.Response:
            with self._reached():
                answer = self._http.request(method, path, **options)
            if answer.is_error:
                raise _refusal(answer)
            return answer

        return self._let_in(ask)

    def _let_in(self, ask: Callable[[], T]) -> T:
        """What is asked for, after as many pauses as a busy service, or a key's rate, wants. Raises ServiceError."""
        for _ in range(MOST_WAITS):
            try:
                return ask()
            except ServiceError as error:
                if error.wait_seconds is None:
                    raise
                self._pause(error.wait_seconds)
        return ask()

    def _pause(self, seconds: float) -> None:
        """Raises ServiceError when the client is closed meanwhile: nobody waits for the answer any more."""
        if self._closed.wait(seconds):
            raise ServiceError("The client is closed.", code="closed")

    @contextmanager
    def _reached(self) -> Iterator[None]:
        """That nobody answers is said in a person's words."""
        try:
            yield
        except (httpx.TransportError, UnicodeError) as error:  # no name that can be looked up, such as a..b
            hint = "start one with `huemill serve`, or name another with --url"
            raise ServiceError(f"No huemill answers at {self.url} ({error}); {hint}.") from None


def _whole(file: BinaryIO, path: Path) -> BinaryIO:
    """The file as it is now: a pipe has no length to send ahead, and what is being written grows meanwhile.

    Only a long file is sent piece by piece. Raises ServiceError for a long pipe.
    """
    content = file.read(_READ_WHOLE + 1)
    if len(content) <= _READ_WHOLE:
        return io.BytesIO(content)
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        what = f"{readable(path)} is no file, and gives more than {_READ_WHOLE >> 20} MiB: save it as a file first."
        raise ServiceError(what, code="unreadable")
    file.seek(0)
    return file


def _key() -> str:
    """The key of the environment; empty where there is none. Not an option: all who list processes see those."""
    text = os.environ.get("HUEMILL_KEY", "").strip()
    try:
        return str(read_key(text)) if text else ""
    except NoKey:
        raise click.UsageError("HUEMILL_KEY is no key, or not a whole one: it is hm_..., as it was shown.") from None


def _refusal(answer: httpx.Response) -> ServiceError:
    """A problem document as an error; anything else did not come from a gateway."""
    if answer.headers.get("content-type", "").startswith("application/problem+json"):
        problem = orjson.loads(answer.content)
        return ServiceError(problem["detail"], code=problem["code"], retry_after=answer.headers.get("retry-after", ""))
    return ServiceError(f"HTTP {answer.status_code} from something that is not huemill.", code="unexpected_answer")
