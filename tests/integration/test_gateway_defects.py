"""Defects of the gateway's own: answered like all else, counted, logged, and told to nobody else."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from prometheus_client import REGISTRY

from api.main import create_app
from shared.runtime.settings import Settings
from tests.support.calls import problem

SHOP = "https://shop.example"


@pytest.fixture
def app() -> FastAPI:
    """The application, with two routes that fail: at once, and in the middle of their answer."""
    made = create_app(Settings(cors_origins=SHOP))  # type: ignore[arg-type]

    @made.get("/at-once")
    async def at_once() -> None:
        raise TypeError("a slip of ours")

    @made.get("/midway")
    async def midway() -> StreamingResponse:
        async def chunks() -> AsyncIterator[bytes]:
            yield b"begun"
            raise TypeError("a slip of ours")

        return StreamingResponse(chunks())

    return made


def counted(route: str, status: str) -> float:
    labels = {"method": "GET", "route": route, "status": status}
    return REGISTRY.get_sample_value("huemill_http_request_seconds_count", labels) or 0


def ask(app: FastAPI, path: str) -> httpx.Response:
    async def asked() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://gateway") as client:
            return await client.get(path, headers={"Origin": SHOP})

    return asyncio.run(asked())


def test_a_defect_is_counted_and_can_be_read(app: FastAPI, caplog: pytest.LogCaptureFixture) -> None:
    """It is 500 `internal`, also for the metrics and for a page of an origin that is let in; its log has the rest."""
    before = counted("/at-once", "500")
    answer = ask(app, "/at-once")
    problem(answer, 500, "internal")
    assert answer.headers["access-control-allow-origin"] == SHOP
    assert counted("/at-once", "500") == before + 1
    (line,) = [record for record in caplog.records if "a defect" in record.message]
    assert line.exc_info is not None


def test_what_has_begun_is_broken_off(app: FastAPI) -> None:
    """An answer that has begun cannot become another: the server is told, which ends its connection."""
    with pytest.raises(TypeError, match="a slip of ours"):
        ask(app, "/midway")
    assert counted("/midway", "500") == 0
