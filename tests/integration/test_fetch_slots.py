"""Fetching images from URLs at the same time: how many at once, and who waits for whom."""

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from api.intake.fetch import MAX_FETCHES, MAX_FETCHES_OF_KEY, Fetcher
from shared.contract.errors import FetchFailed, TooManyUploads
from shared.runtime.settings import Settings
from tests.support.images import SMALL_PNG
from tests.support.web import Web, gives, raw

ALLOWED = "127.0.0.2"


@pytest.fixture
def web() -> Iterator[Web]:
    """A server at the one address that may be fetched from."""
    with closing(Web(ALLOWED)) as made:
        made.answers["/a.png"] = gives(SMALL_PNG)
        yield made


def test_no_more_than_a_few_at_once(web: Web) -> None:
    """Sixteen fetches are under way at most, and not fewer; the others wait their turn."""
    now, most, lock, all_there = 0, 0, threading.Lock(), threading.Event()

    def slow(handler: object) -> None:
        nonlocal now, most
        with lock:
            now, most = now + 1, max(most, now + 1)
        if most >= MAX_FETCHES:
            all_there.set()
        assert all_there.wait(8), f"{most} at most"
        time.sleep(0.1)  # a seventeenth would come meanwhile
        with lock:
            now -= 1
        gives(SMALL_PNG)(handler)  # type: ignore[arg-type]

    web.answers["/slow"] = slow

    async def run() -> list[bytes]:
        fetcher = Fetcher(Settings(fetch_urls=True, fetch_allow=ALLOWED, fetch_ports=(web.port,)))

        async def one() -> bytes:
            async with fetcher.open(web.url("/slow")) as chunks:
                return b"".join([chunk async for chunk in chunks])

        try:
            return await asyncio.gather(*[one() for _ in range(40)])
        finally:
            fetcher.close()

    assert asyncio.run(run()) == [SMALL_PNG] * 40
    assert most == MAX_FETCHES


def test_one_key_leaves_fetches_for_others(web: Web) -> None:
    """While a key's fetches hang, however many, another key's is made at once, and so is one by nobody's key; the time
    of the hanging ones is told of those alone that were dialled, and the others are asked to come again.
    """
    over = threading.Event()
    web.answers["/hang"] = raw(*[b""] * 100, pause=0.1, stop=over)

    async def one(fetcher: Fetcher, path: str, owner: str) -> bytes:
        async with fetcher.open(web.url(path), owner) as chunks:
            return b"".join([chunk async for chunk in chunks])

    async def run() -> list[type]:
        settings = Settings(fetch_urls=True, fetch_allow=ALLOWED, fetch_ports=(web.port,), fetch_timeout_seconds=1.0)
        with closing(Fetcher(settings)) as fetcher:
            hanging = [asyncio.create_task(one(fetcher, "/hang", "a")) for _ in range(40)]
            await asyncio.sleep(0.2)
            begin = time.monotonic()
            for owner in ("b", ""):
                assert await one(fetcher, "/a.png", owner) == SMALL_PNG
            assert time.monotonic() - begin < 0.7, "before a fetch of the first has ended"
            return [type(each) for each in await asyncio.gather(*hanging, return_exceptions=True)]

    kinds = asyncio.run(run())
    over.set()
    assert set(kinds) == {FetchFailed, TooManyUploads}
    assert kinds.count(FetchFailed) == web.connections - 2, "what is said of a URL is said of one that was dialled"
    assert kinds.count(FetchFailed) >= MAX_FETCHES_OF_KEY


def test_time_begins_with_the_slot(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fetch that waited for its turn has all of its time then."""
    monkeypatch.setattr("api.intake.fetch.MAX_FETCHES_OF_KEY", 1)
    web.answers["/slow"] = raw(b"HTTP/1.1 200 OK\r\n\r\n", SMALL_PNG, pause=1.0)

    async def run() -> list[bytes]:
        settings = Settings(fetch_urls=True, fetch_allow=ALLOWED, fetch_ports=(web.port,), fetch_timeout_seconds=3.0)

        async def one() -> bytes:
            async with fetcher.open(web.url("/slow"), "a") as chunks:
                return b"".join([chunk async for chunk in chunks])

        with closing(Fetcher(settings)) as fetcher:
            return await asyncio.gather(*[one() for _ in range(2)])

    assert asyncio.run(run()) == [SMALL_PNG] * 2
