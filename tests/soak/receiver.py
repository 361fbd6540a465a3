"""Who is called back in a soak: it verifies each message, and refuses some when they come for the first time."""

import hashlib
import random
import time
from collections import defaultdict
from contextlib import suppress
from http.server import BaseHTTPRequestHandler
from threading import Lock

from standardwebhooks import Webhook, WebhookVerificationError

from tests.soak.ledger import Ledger
from tests.soak.who import ANYBODY, Who
from tests.support.waiting import until
from tests.support.web import Post, Web, gives

# How many are refused at first. They come again 5 s later: who were refused twice would come after minutes.
REFUSED = 0.2
# A sender that could not write down that it was heard sends again when its lease is over.
MOST_SECONDS_TO_TELL = 90.0
MOST_BYTES = 20_000


class Receiver:
    """A server on loopback, with an address for each who has a secret."""

    def __init__(self, seed: int, ledger: Ledger) -> None:
        self._web, self._lock, self._chance, self._ledger = Web(), Lock(), random.Random(seed), ledger
        self._secrets: dict[str, str] = {}
        self._heard: set[str] = set()
        self._told: defaultdict[str, set[str]] = defaultdict(set)
        self._expected: dict[str, str] = {}

    def url_for(self, who: Who) -> str:
        """Where what is told must be signed with the secret that this one has."""
        path = f"/{hashlib.sha256(who.secret.encode()).hexdigest()[:8]}"
        with self._lock:
            self._secrets[path] = who.secret
            self._web.answers[path] = self._answer
        return self._web.url(path)

    @property
    def settings(self) -> dict[str, object]:
        """What lets a gateway call it."""
        return {
            "callback_secret": ANYBODY.secret,
            "callback_allow_http": True,
            "callback_allow": self._web.address,
            "callback_ports": self._web.port,
        }

    def expect(self, job_id: str, status: str) -> None:
        """The job has ended so, and its client wants to be told."""
        with self._lock:
            self._expected[job_id] = status

    def expect_nothing(self, job_id: str) -> None:
        """Nobody knows what will be told of it."""
        with self._lock:
            self._expected.pop(job_id, None)

    def has_told(self, job_id: str) -> bool:
        self._read()
        with self._lock:
            return job_id in self._told

    def judge(self) -> None:
        """Whether every end that was to be told has been told by now, or is soon, and no other."""
        begin = time.monotonic()
        with suppress(AssertionError):
            until(lambda: not self._missing(), "all is told", MOST_SECONDS_TO_TELL, 0.2)
        self._ledger.count("callbacks wanted", len(self._expected))
        for job_id in self._missing():
            self._ledger.find(f"nobody was told that job {job_id} has {self._expected[job_id]}")
        for job_id, status in self._expected.items():
            if self._told[job_id] - {status}:
                self._ledger.find(f"job {job_id} has {status}, and was told to have {self._told[job_id]}")
        self._ledger.seconds_to_tell = time.monotonic() - begin

    def close(self) -> None:
        self._web.close()

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        message = str(handler.headers["webhook-id"])
        with self._lock:
            refused = message not in self._heard and self._chance.random() < REFUSED
            self._heard.add(message)
        gives(b"", 500 if refused else 204)(handler)

    def _read(self) -> None:
        """What has come since the last look."""
        with self._lock:
            while self._web.posts:
                self._verify(self._web.posts.pop(0))

    def _verify(self, post: Post) -> None:
        self._ledger.count("callbacks heard")
        message = post.headers.get("webhook-id", "")
        try:
            told = Webhook(self._secrets[post.path]).verify(post.body, post.headers)
        except WebhookVerificationError as error:
            self._ledger.find(f"the callback {message} is not signed: {error}")
            return
        job = told["data"]
        event = told["type"].removeprefix("job.")
        if (message, job["status"]) != (f"msg_{job['id']}_{event}", event) or len(post.body) > MOST_BYTES:
            self._ledger.find(f"the callback {message} says {told['type']} of {job['id']}, {len(post.body)} bytes")
        self._told[job["id"]].add(event)

    def _missing(self) -> list[str]:
        self._read()
        with self._lock:
            return [job_id for job_id in self._expected if job_id not in self._told]
