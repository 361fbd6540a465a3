"""Clients of a soak: each posts, follows, and holds every answer against what must come of it."""

import json
import random
import threading
import time
from collections import deque
from datetime import UTC, datetime
from typing import Any, NamedTuple

import httpx

from shared.access.model import Made
from tests.soak.cases import COMPARED, SEEDS, Case, Expectations, Refusal, choose
from tests.soak.ledger import Ledger
from tests.support.calls import server_sent_events
from tests.support.keys import bearer, client_of
from tests.support.processes import Service

# Three attempts, each with a lease, a sweep, a message that is sent again, on a machine that does much else.
MOST_SECONDS_TO_END = 90.0
MOST_SECONDS_TO_REFUSE = 10.0
# After this long a job that has ended is looked at once more.
LATER_SECONDS = 4.0
# How many requests are sent once more with their key, and how many take what was computed before.
SENT_AGAIN, SHARED = 0.3, 0.4
ENDED = ("succeeded", "failed", "cancelled")


class Unfinished(Exception):
    """A job, or the service, is not heard of in time."""


class _Past(NamedTuple):
    """An ended job, to be looked at again."""

    job: dict[str, Any]
    when: float


class Client(threading.Thread):
    """One client with one job at a time, until it is told to stop."""

    def __init__(
        self,
        service: Service,
        number: int,
        seed: int,
        expected: Expectations,
        ledger: Ledger,
        key: Made,
        anothers: Made,
    ) -> None:
        """`key`: what it comes with; `anothers`: to which its jobs are not there."""
        super().__init__(name=f"client {number}", daemon=True)
        self._key, self._anothers = key, anothers
        self._service, self._expected, self._ledger = service, expected, ledger
        self._chance = random.Random(1000 * seed + number)
        self._past: deque[_Past] = deque()
        self.stopping = threading.Event()

    def run(self) -> None:
        with client_of(self._service, self._key) as self._http:
            while not self.stopping.is_set():
                what = choose(self._chance)
                try:
                    if isinstance(what, Refusal):
                        self._refusal(what)
                    else:
                        self._job(what)
                    self._look_again(LATER_SECONDS)
                except (Unfinished, AssertionError, httpx.HTTPError) as error:
                    self._ledger.find(f"{what.name}: {type(error).__name__} {error}")
            try:
                self._look_again(0.0)
            except (Unfinished, AssertionError, httpx.HTTPError) as error:
                self._ledger.find(f"a last look: {type(error).__name__} {error}")

    # Posting.

    def _job(self, case: Case) -> None:
        seed = self._chance.randrange(SEEDS)
        how = self._chance.choice(["wait", "poll", "poll", "events", "events", "cancel", "delete"])
        key = f"{self._chance.getrandbits(64):x}"
        accepted = self._post(case.image, case.with_seed(seed), mask=case.mask, wait=how == "wait", key=key)
        if accepted is None:
            return
        self._ledger.count("accepted")
        if self._chance.random() < SENT_AGAIN:
            self._again(accepted, case, seed, key)
        self._ledger.count(how)
        path = accepted["links"]["self"]
        if how == "delete":
            self._remove(path, self._chance.random())
            return
        if how == "cancel":
            time.sleep(self._chance.random())
            answer = self._ask("POST", f"{path}/cancel")
            assert answer.status_code in (200, 409), answer.text
            assert answer.json()["status"] == ("cancelled" if answer.is_success else 409)
        names = self._events(path) if how == "events" else []
        job = self._ended(path)
        self._ledger.end(job)
        self._check(job, case, seed, cancelled=how == "cancel")
        names = names or self._events(path)
        ends = [name for name in names if name in ENDED]
        assert ends == [job["status"]] == names[-1:], f"{path} told {names}"
        assert names.count("running") == len(job["attempts"]), f"{path} told {names}, its attempts: {job['attempts']}"
        self._past.append(_Past(job, time.monotonic()))

    def _refusal(self, what: Refusal) -> None:
        answer = self._send(what.image, what.params, what.mask, wait=True)
        if answer is not None:
            problem = answer.json()
            assert (answer.status_code, problem["code"]) == (what.status, what.code), answer.text
            self._ledger.refuse(what.code, answer.elapsed.total_seconds())

    def _again(self, accepted: dict[str, Any], case: Case, seed: int, key: str) -> None:
        """The same request, perhaps in the other form: it is the same job."""
        answer = self._send(case.image, case.with_seed(seed), case.mask, wait=False, key=key)
        if answer is not None:
            assert answer.status_code in (200, 202), f"{answer.status_code} {answer.text}"
            assert answer.headers["Idempotent-Replayed"] == "true"
            assert answer.json()["id"] == accepted["id"], f"two jobs of one request: {answer.text}, {accepted}"
            self._ledger.count("sent again")

    def _post(
        self, image: bytes, params: dict[str, Any], *, mask: bytes | None, wait: bool, key: str
    ) -> dict[str, Any] | None:
        """The job; None if it was refused because Redis is away."""
        answer = self._send(image, params, mask, wait, key)
        if answer is None:
            return None
        assert answer.status_code in (200, 202), f"{answer.status_code} {answer.text}"
        job: dict[str, Any] = answer.json()
        assert wait or answer.status_code == 202 or job["cached"]
        return job

    def _send(
        self, image: bytes, params: dict[str, Any], mask: bytes | None, wait: bool, key: str | None = None
    ) -> httpx.Response | None:
        """Post it in one of two forms; some take what was computed before."""
        headers = {"Prefer": "wait=5"} if wait else {}
        if key is not None:
            headers["Idempotency-Key"] = key
        if self._chance.random() < SHARED:
            headers["Cache-Control"] = "max-stale"
        begin = time.monotonic()
        if mask is not None or self._chance.random() < 0.5:
            files: dict[str, Any] = {"image": ("a.png", image), "params": (None, json.dumps(params))}
            if mask is not None:
                files["mask"] = ("mask.png", mask)
            answer = self._http.post("/v1/jobs", files=files, headers=headers)
        else:
            query = {name: value if isinstance(value, str) else json.dumps(value) for name, value in params.items()}
            headers["Content-Type"] = "application/octet-stream"
            answer = self._http.post("/v1/jobs", content=image, params=query, headers=headers)
        if answer.status_code != 503:
            return answer
        took = time.monotonic() - begin
        assert answer.json()["code"] == "unavailable", answer.text
        assert took < MOST_SECONDS_TO_REFUSE, f"503 after {took:.1f} s"
        assert int(answer.headers["retry-after"]) >= 1
        self._ledger.refuse("unavailable", took)
        time.sleep(0.5)
        return None

    # Following.

    def _ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Asked again while Redis is away."""
        deadline = time.monotonic() + MOST_SECONDS_TO_END
        while time.monotonic() < deadline:
            answer = self._http.request(method, path, **options)
            if answer.status_code != 503:
                return answer
            time.sleep(0.3)
        raise Unfinished(f"{method} {path} is 503 for {MOST_SECONDS_TO_END:g} s")

    def _ended(self, path: str) -> dict[str, Any]:
        """The job once it has ended."""
        deadline = time.monotonic() + MOST_SECONDS_TO_END
        while time.monotonic() < deadline:
            answer = self._ask("GET", path)
            assert answer.status_code == 200, f"an accepted job: {answer.status_code} {answer.text}"
            job: dict[str, Any] = answer.json()
            if job["status"] in ENDED:
                return job
            time.sleep(0.1)
        raise Unfinished(f"{path} has not ended in {MOST_SECONDS_TO_END:g} s: {json.dumps(job)}")

    def _events(self, path: str) -> list[str]:
        """The names of the job's events, up to its end; a stream that breaks off is resumed."""
        names, last = [], None
        deadline = time.monotonic() + MOST_SECONDS_TO_END
        while time.monotonic() < deadline:
            headers = {} if last is None else {"Last-Event-ID": last}
            try:
                with self._http.stream("GET", f"{path}/events", headers=headers) as answer:
                    assert answer.status_code in (200, 503), answer.read()
                    for event in server_sent_events(answer.iter_lines() if answer.is_success else iter(())):
                        names.append(event["event"])
                        last = event["id"]
            except httpx.RemoteProtocolError:
                self._ledger.count("streams broken off")
            if names and names[-1] in ENDED:
                return names
            time.sleep(0.2)
        raise Unfinished(f"the events of {path} do not end: {names}")

    def _remove(self, path: str, after: float) -> None:
        """Delete a job in mid-flight: from then on it is unknown."""
        time.sleep(after)
        answer = self._ask("DELETE", path)
        # 404: it was done, and then Redis was gone before the answer.
        assert answer.status_code in (204, 404), answer.text
        assert self._ask("GET", path).status_code == 404

    # Judging.

    def _check(self, job: dict[str, Any], case: Case, seed: int, *, cancelled: bool) -> None:
        expected = self._expected.of(case, seed)
        foreign = self._ask("GET", job["links"]["self"], headers=bearer(self._anothers))
        assert foreign.status_code == 404, f"another's key is answered {foreign.status_code}: {foreign.text}"
        path, status, attempts = job["links"]["self"], job["status"], job["attempts"]
        for attempt in attempts:
            if attempt["reason"] in ("worker_lost", "worker_stopped"):
                assert self._ledger.explains(attempt), f"{path}: nobody touched the worker of {attempt}"
        if status == "cancelled":
            assert cancelled, f"{path} was cancelled by nobody"
            assert self._ask("GET", f"{path}/result").json()["code"] == "job_cancelled"
        elif status == "failed" and job["error"]["code"] == "worker_lost":
            counted = [attempt["reason"] for attempt in attempts if attempt["reason"] != "worker_stopped"]
            # Of one that waited for another one's end the attempts were that one's.
            assert counted == ["worker_lost"] * 3 or not attempts, attempts
            self._ledger.count("given up after three killed workers")
        elif status == "failed":
            assert job["error"]["code"] == expected.code, f"{path} must {expected.code or 'succeed'}: {job['error']}"
        else:
            assert expected.code is None, f"{path} succeeded, and must fail with {expected.code}"
            result = self._ask("GET", f"{path}/result", params={"labels": "none"}).json()
            differs = [name for name in COMPARED if result[name] != expected.result[name]]
            assert not differs, f"{path}: {differs} differ from the direct computation"
            labels = self._ask("GET", f"{path}/labels", headers={"Accept": "application/x-npy"})
            assert labels.content == expected.labels, f"{path}: the label map differs from the direct computation"
            self._ledger.count("results compared")
            if job["cached"]:
                self._ledger.count("of them shared")

    def _look_again(self, age: float) -> None:
        """An ended job stays as it was. Then half of them are deleted, the others expire."""
        while self._past and (age == 0 or time.monotonic() - self._past[0].when > age):
            job = self._past.popleft().job
            path = job["links"]["self"]
            now = self._ask("GET", path).json()
            if now["result"] is None and _past_expiry(job) > 0:
                job = job | {"result": None}  # it has expired since: this client was busy for long
            assert now == job, f"{path} has ended and changed: {job} {now}"
            if self._chance.random() < 0.5:
                self._remove(path, 0)


def _past_expiry(job: dict[str, Any]) -> float:
    """Seconds since the job expired."""
    expiry = datetime.fromisoformat(job["expires_at"])
    return (datetime.now(UTC) - expiry).total_seconds()
