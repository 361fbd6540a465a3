"""Requests that wait for a job keep nobody else out: the gateway's application behind its turns, called in-process."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from api.main import create_app
from api.server import turns
from api.server.turns import AT_ONCE, Turns
from tests.support.bench import Bench
from tests.support.images import SMALL_PNG
from tests.support.processes import PLAIN

LONG_SECONDS = 6


@asynccontextmanager
async def behind_turns(bench: Bench) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the whole application, whose requests begin in turns."""
    app = create_app(bench.settings)
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(Turns(app, frozenset()))
        async with httpx.AsyncClient(
            transport=transport, base_url="http://gateway", headers=PLAIN["headers"]
        ) as client:
            yield client


def post(client: httpx.AsyncClient, prefer: str) -> "asyncio.Task[httpx.Response]":
    fields = {"Content-Type": "image/png", "Prefer": prefer}
    return asyncio.create_task(client.post("/v1/jobs", content=SMALL_PNG, headers=fields))


def by_preference(client: httpx.AsyncClient, queued: httpx.Response) -> "asyncio.Task[httpx.Response]":
    return post(client, f"wait={LONG_SECONDS}")


def by_query(client: httpx.AsyncClient, queued: httpx.Response) -> "asyncio.Task[httpx.Response]":
    return asyncio.create_task(client.get(queued.headers["Location"], params={"wait": LONG_SECONDS}))


def for_news(client: httpx.AsyncClient, queued: httpx.Response) -> "asyncio.Task[httpx.Response]":
    async def ask() -> httpx.Response:
        known = {"If-None-Match": (await client.get(queued.headers["Location"])).headers["ETag"]}
        return await client.get(queued.headers["Location"], params={"wait": LONG_SECONDS}, headers=known)

    return asyncio.create_task(ask())


def test_who_waits_lets_others_begin(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """As many as may begin at once wait for a job, in each way that there is: another request begins at once, and not
    when those have kept their turn for its longest time.
    """
    monkeypatch.setattr(turns, "BEGINNING_SECONDS", 10 * LONG_SECONDS)

    async def run() -> int:
        async with behind_turns(bench) as client:
            queued = await post(client, "respond-async")
            waiting = [way(client, queued) for way in (by_preference, by_query, for_news) for _ in range(AT_ONCE)]
            await asyncio.sleep(0)
            async with asyncio.timeout(LONG_SECONDS - 2):
                other = await client.get(queued.headers["Location"])
            assert not any(each.done() for each in waiting)
            await asyncio.gather(*waiting)
            return other.status_code

    assert asyncio.run(run()) == 200
