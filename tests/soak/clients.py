"""Clients of a soak: each posts, follows, and holds every answer against what must come of it."""

import json
import random
import threading
import time
from collections import deque
from datetime import UTC, datetime
from typing import Any, NamedTuple

import httpx

from tests.soak.cases import COMPARED, SEEDS, Case, Expectations, Refusal, choose
from tests.soak.following import ENDED, Follower, Unfinished
from tests.soak.ledger import Ledger
from tests.soak.receiver import Receiver
from tests.soak.who import Who
from tests.support.processes import ANEW, Service

MOST_SECONDS_TO_REFUSE = 10.0
# After this long a job that has ended is looked at once more.
LATER_SECONDS = 4.0
# How many requests are sent once more with their key, and how many take what was computed before.
SENT_AGAIN, SHARED = 0.3, 0.4
HOW = ["prefer", "poll", "wait", "events", "socket", "cancel", "delete"]
CALLED_BACK = 0.5
KEPT_SECONDS = 40.0  # a result, after its job's end
TROUBLE = (Unfinished, AssertionError, httpx.HTTPError)


class _Posted(NamedTuple):
    """An accepted job, and what its client has in mind."""

    job_id: str
    path: str
    case: Case
    seed: int
    how: str
    at: float


class _Past(NamedTuple):
    """An ended job, to be looked at again."""

    job: dict[str, Any]
    when: float
    called_back: bool
    posted: _Posted


class Client(threading.Thread):
    """One client with one job at a time, until it is told to stop."""

    def __init__(
        self,
        service: Service,
        number: int,
        seed: int,
        expected: Expectations,
        ledger: Ledger,
        receiver: Receiver,
        who: Who,
        another: Who,
    ) -> None:
        """`another`: to whom its jobs are not there."""
        super().__init__(name=f"client {number}", daemon=True)
        self._service, self._expected, self._ledger = service, expected, ledger
        self._receiver, self._who, self._another = receiver, who, another
        self._chance = random.Random(1000 * seed + number)
        self._past: deque[_Past] = deque()
        self._posted: _Posted | None = None
        self.stopping = threading.Event()

    def run(self) -> None:
        with self._service.client(headers=ANEW | self._who.fields) as self._http:
            self._follower = Follower(self._http, self._who.fields, self._ledger)
            while not self.stopping.is_set():
                what = choose(self._chance)
                self._posted, begin = None, time.time()
                try:
                    if isinstance(what, Refusal):
                        self._refusal(what)
                    else:
                        self._job(what)
                except TROUBLE as error:
                    self._trouble(what.name, error, begin, self._posted)
                self._look_again(LATER_SECONDS)
            self._look_again(0.0)

    # Posting.

    def _job(self, case: Case) -> None:
        seed = self._chance.randrange(SEEDS)
        how = self._chance.choice(HOW)
        key = f"{self._chance.getrandbits(64):x}"
        called_back = self._chance.random() < CALLED_BACK
        params = case.with_seed(seed) | ({"callback_url": self._receiver.url_for(self._who)} if called_back else {})
        accepted = self._post(case.image, params, mask=case.mask, wait=how == "prefer", key=key)
        if accepted is None:
            return
        self._ledger.count("accepted")
        path = accepted["links"]["self"]
        self._posted = posted = _Posted(accepted["id"], path, case, seed, how, time.time())
        if self._chance.random() < SENT_AGAIN:
            self._again(accepted, case, params, key)
        self._ledger.count(how)
        if how == "delete":
            self._remove(path, self._chance.random())
            return
        if how == "cancel":
            time.sleep(self._chance.random())
            answer = self._follower.ask("POST", f"{path}/cancel")
            assert answer.status_code in (200, 409), answer.text
            assert answer.json()["status"] == ("cancelled" if answer.is_success else 409)
        names = self._follower.events(path, socket=how == "socket") if how in ("events", "socket") else []
        job = self._follower.ended(path, wait=how == "wait")
        self._ledger.end(job)
        if called_back and not self._ledger.disturbed(posted.at):
            self._receiver.expect(job["id"], job["status"])
        self._check(job, case, seed, cancelled=how == "cancel")
        names = names or self._follower.events(path)
        ends = [name for name in names if name in ENDED]
        assert ends == [job["status"]] == names[-1:], f"{path} told {names}"
        assert names.count("running") == len(job["attempts"]), f"{path} told {names}, its attempts: {job['attempts']}"
        self._past.append(_Past(job, time.time(), called_back, posted))

    def _refusal(self, what: Refusal) -> None:
        answer = self._send(what.image, what.params, what.mask, wait=True)
        if answer is not None:
            problem = answer.json()
            assert (answer.status_code, problem["code"]) == (what.status, what.code), answer.text
            self._ledger.refuse(what.code, answer.elapsed.total_seconds())

    def _again(self, accepted: dict[str, Any], case: Case, params: dict[str, Any], key: str) -> None:
        """The same request, perhaps in the other form: it is the same job."""
        answer = self._send(case.image, params, case.mask, wait=False, key=key)
        if answer is not None:
            assert answer.status_code in (200, 202), f"{answer.status_code} {answer.text}"
            assert answer.headers.get("Idempotent-Replayed") == "true", f"it is done twice: {answer.text}"
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

    def _remove(self, path: str, after: float) -> None:
        """Delete a job in mid-flight: from then on it is unknown."""
        time.sleep(after)
        answer = self._follower.ask("DELETE", path)
        # 404: it was done, and then Redis was gone before the answer.
        assert answer.status_code in (204, 404), answer.text
        assert self._follower.ask("GET", path).status_code == 404

    # Judging.

    def _check(self, job: dict[str, Any], case: Case, seed: int, *, cancelled: bool) -> None:
        expected = self._expected.of(case, seed)
        foreign = self._follower.ask("GET", job["links"]["self"], headers=self._another.fields)
        assert foreign.status_code == 404, f"another's key is answered {foreign.status_code}: {foreign.text}"
        path, status, attempts = job["links"]["self"], job["status"], job["attempts"]
        for attempt in attempts:
            if attempt["reason"] in ("worker_lost", "worker_stopped"):
                assert self._ledger.explains(attempt), f"{path}: nobody touched the worker of {attempt}"
        if status == "cancelled":
            assert cancelled, f"{path} was cancelled by nobody"
            assert self._follower.ask("GET", f"{path}/result").json()["code"] == "job_cancelled"
        elif status == "failed" and job["error"]["code"] == "worker_lost":
            counted = [attempt["reason"] for attempt in attempts if attempt["reason"] != "worker_stopped"]
            # Of one that waited for another one's end the attempts were that one's.
            assert counted == ["worker_lost"] * 3 or not attempts, attempts
            self._ledger.count("given up after three killed workers")
        elif status == "failed":
            assert job["error"]["code"] == expected.code, f"{path} must {expected.code or 'succeed'}: {job['error']}"
        else:
            assert expected.code is None, f"{path} succeeded, and must fail with {expected.code}"
            result = self._follower.ask("GET", f"{path}/result", params={"labels": "none"}).json()
            differs = [name for name in COMPARED if result[name] != expected.result[name]]
            assert not differs, f"{path}: {differs} differ from the direct computation"
            labels = self._follower.ask("GET", f"{path}/labels", headers={"Accept": "application/x-npy"})
            assert labels.content == expected.labels, f"{path}: the label map differs from the direct computation"
            self._ledger.count("results compared")
            if job["cached"]:
                self._ledger.count("of them shared")

    def _look_again(self, age: float) -> None:
        """An ended job stays as it was. Then half of them are deleted, the others expire."""
        while self._past and (age == 0 or time.time() - self._past[0].when > age):
            past = self._past.popleft()
            try:
                self._look_once_more(past)
            except TROUBLE as error:
                self._trouble("a later look", error, past.when, past.posted)

    def _look_once_more(self, past: _Past) -> None:
        job, path = past.job, past.posted.path
        answer = self._follower.ask("GET", path)
        assert answer.status_code == 200, f"{path} has ended, and is {answer.status_code}"
        now = answer.json()
        if now["result"] is None and _past_expiry(job) > 0:
            job = job | {"result": None}  # it has expired since: this client was busy for long
        assert now == job, f"{path} has ended and changed: {job} {now}"
        # What is not told yet of a deleted job is never told.
        if (not past.called_back or self._receiver.has_told(job["id"])) and self._chance.random() < 0.5:
            self._remove(path, 0)

    def _trouble(self, name: str, error: Exception, since: float, posted: _Posted | None) -> None:
        """Something that must not be; unless the store has forgotten meanwhile what it had not sent to its replica."""
        # A deleted job may have come back without its files: who takes its result is told so, until it expires.
        gone = "not in the storage any more" in str(error)
        if not self._ledger.disturbed(since - (KEPT_SECONDS if gone else 0)):
            self._ledger.find(f"{name}: {type(error).__name__} {error}")
            return
        self._ledger.count("unsettled by a failover")
        try:
            if posted is not None:
                self._receiver.expect_nothing(posted.job_id)
                self._settle(posted)
        except TROUBLE as again:
            self._ledger.find(f"{name}: {type(again).__name__} {again}; at first: {type(error).__name__} {error}")

    def _settle(self, posted: _Posted) -> None:
        """After a failover a job ends as it could have ended; it is unknown if it came too late to be sent on."""
        if self._follower.ask("GET", posted.path).status_code == 404:
            assert posted.how == "delete" or self._ledger.may_forget(posted.at), (
                f"{posted.path} was replicated, and lost"
            )
            self._ledger.count("deleted, or forgotten")
            return
        job = self._follower.ended(posted.path)
        # The end may be forgotten, and the image gone since then, as is that of a job that was cancelled or deleted.
        if posted.how not in ("cancel", "delete") and (job["error"] or {}).get("code") != "not_found":
            self._check(job, posted.case, posted.seed, cancelled=False)


def _past_expiry(job: dict[str, Any]) -> float:
    """Seconds since the job expired."""
    expiry = datetime.fromisoformat(job["expires_at"])
    return (datetime.now(UTC) - expiry).total_seconds()
