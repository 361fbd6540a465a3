"""An upload that stops in its middle until a test lets it go on."""

import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx

from tests.support.images import SMALL_PNG


@dataclass
class HalfSent:
    """A request whose image is half sent."""

    answer: Future[httpx.Response]
    _rest: threading.Event = field(default_factory=threading.Event)

    def go_on(self) -> None:
        self._rest.set()


@contextmanager
def half_sent(url: str, **headers: str) -> Iterator[HalfSent]:
    """The small image on its way to a gateway; when the context ends, the rest of it is sent."""
    begun, rest = threading.Event(), threading.Event()

    def body() -> Iterator[bytes]:
        yield SMALL_PNG[:50]
        begun.set()
        rest.wait(60)
        yield SMALL_PNG[50:]

    def send() -> httpx.Response:
        fields = {"Content-Type": "image/png", **headers}
        with httpx.Client(base_url=url, timeout=30, trust_env=False) as client:
            return client.post("/v1/jobs", content=body(), headers=fields)

    with ThreadPoolExecutor(1) as pool:
        try:
            sent = HalfSent(pool.submit(send), rest)
            assert begun.wait(10)
            yield sent
        finally:
            rest.set()
