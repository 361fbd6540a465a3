"""Many who follow jobs over few connections: no event is lost, whatever is lost on the way."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any, TypeVar

import pytest

from api.jobs.follow import Silence, follow
from shared.jobs import streams as streams_module
from shared.jobs.events import FIRST, Event
from shared.jobs.keys import events_key
from shared.jobs.model import Job, Progress
from shared.jobs.streams import KEPT, PAGE, Stream, Streams
from tests.support.bench import Bench, events_of, started, worker_store
from tests.support.calls import post
from tests.support.gateway import gateway
from tests.support.processes import Service, StoreServer
from tests.support.raw import stalled
from tests.support.waiting import until

T = TypeVar("T")
REPORTS = 3 * PAGE


def with_streams(bench: Bench, question: Callable[[Streams], Coroutine[Any, Any, T]]) -> T:
    async def ask(streams: Streams) -> T:
        async with started(streams), asyncio.timeout(60):
            return await question(streams)

    with gateway(bench.settings) as parts:
        return parts.run(ask(parts.streams))


async def ids(job: Job, streams: Streams, after: str = FIRST, late: float = 0.0) -> list[str]:
    """The ids of the job's events, as one hears them who comes so late."""
    await asyncio.sleep(late)
    return [event.id async for event in follow(job.id, after, streams) if isinstance(event, Event)]


def reports(bench: Bench, job: Job) -> threading.Thread:
    """A worker that tells much of the job, then ends it."""

    def work() -> None:
        for number in range(REPORTS):
            assert bench.worker.report(job, Progress(stage="cluster", fraction=number / REPORTS))
        assert bench.worker.succeed(job, f"results/{job.id}/1/")

    return threading.Thread(target=work)


def test_whoever_comes_whenever_misses_nothing(bench: Bench) -> None:
    """Those who come while a worker tells of a job hear every event once and in order, from wherever they begin."""
    job = bench.claimed()
    second = events_of(bench, job)[1].id
    worker = reports(bench, job)

    async def heard(streams: Streams) -> list[list[str]]:
        worker.start()
        early = [ids(job, streams, late=number / 100) for number in range(40)]
        return await asyncio.gather(*early, *(ids(job, streams, second, number / 50) for number in range(20)))

    each = with_streams(bench, heard)
    worker.join()
    whole = [event.id for event in events_of(bench, job)]
    assert len(whole) == REPORTS + 3
    assert each == [whole] * 40 + [whole[2:]] * 20


def test_a_slow_follower_delays_nobody(bench: Bench) -> None:
    """One who takes an event and then nothing more is passed by others, and later hears all that he has missed."""
    job = bench.claimed()

    async def heard(streams: Streams) -> tuple[list[str], list[str]]:
        slow = follow(job.id, FIRST, streams)
        first = await anext(slow)
        assert isinstance(first, Event)
        worker = reports(bench, job)
        worker.start()
        quick = await ids(job, streams)
        return quick, [first.id] + [event.id async for event in slow if isinstance(event, Event)]

    quick, slow = with_streams(bench, heard)
    assert quick == slow == [event.id for event in events_of(bench, job)]


def test_news_come_by_hints(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """An event is heard at once, long before a stream would be looked at without a hint."""
    monkeypatch.setattr(streams_module, "LOOK_AGAIN_SECONDS", 600.0)
    job = bench.claimed()

    async def heard(streams: Streams) -> list[str]:
        listening = asyncio.create_task(ids(job, streams))
        await asyncio.sleep(1)
        await asyncio.to_thread(bench.worker.succeed, job, f"results/{job.id}/1/")
        return await asyncio.wait_for(listening, 5)

    assert len(with_streams(bench, heard)) == 3


def test_who_may_not_publish_is_heard_later(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where Redis lets a worker use no channel its moves are made all the same, and heard when one looks again."""
    monkeypatch.setattr(streams_module, "LOOK_AGAIN_SECONDS", 1.0)
    with bench.server.client() as client:
        client.execute_command("ACL", "SETUSER", "mute", "on", ">x", "~*", "+@all", "resetchannels")
    url = bench.server.url.replace(f":{bench.server.password}@", "mute:x@")
    mute = worker_store(
        bench.settings.model_copy(update={"redis_url": type(bench.settings.redis_url)(url)}), "mute:1/2"
    )
    job = bench.claimed()

    async def heard(streams: Streams) -> list[Event | Silence]:
        listening = asyncio.create_task(_all(follow(job.id, FIRST, streams)))
        await asyncio.sleep(2.5)
        await asyncio.to_thread(mute.succeed, job, f"results/{job.id}/1/")
        return await listening

    found = with_streams(bench, heard)
    assert [event.name for event in found if isinstance(event, Event)] == ["queued", "running", "succeeded"]
    assert Silence.NOTHING_NEW in found, "who waits hears that nothing is new"


async def _all(events: AsyncIterator[Event | Silence]) -> list[Event | Silence]:
    return [event async for event in events]


def test_a_long_stream_is_read_in_pages(bench: Bench) -> None:
    """Who comes late to a stream of more than is kept, with entries in it that are none of ours, hears the rest."""
    job = bench.claimed()
    with bench.server.client() as client:
        for number in range(2 * KEPT):
            client.xadd(events_key(job.id), {"name": "progress", "data": "{}"} if number % 2 else {"what": "ever"})
    assert bench.worker.succeed(job, f"results/{job.id}/1/")
    heard = with_streams(bench, lambda streams: ids(job, streams))
    assert heard == [event.id for event in events_of(bench, job)]
    assert len(heard) == KEPT + 3


def test_followers_cost_no_connection(
    own_store: Callable[..., StoreServer], own_service: Callable[..., Service]
) -> None:
    """Four hundred event streams and fifty waiting requests cost a gateway the connections of the requests that began
    together, however long they last.
    """
    store = own_store()
    service = own_service(store).start_gateway()
    with service.client() as client, store.client() as redis:
        jobs = [post(client, wait=None).json() for _ in range(10)]
        before = len(redis.client_list())
        listeners = [each for job in jobs for each in stalled(service.port, job["links"]["events"], 40)]
        waiting = [each for job in jobs for each in stalled(service.port, f"{job['links']['self']}?wait=30", 5)]
        until(lambda: all(b"queued" in each.recv(4096, 2) for each in listeners), "all hear")
        assert len(redis.client_list()) - before < 100
        for job in jobs:
            assert client.post(job["links"]["cancel"]).is_success
        until(lambda: all(b"event: cancelled" in each.recv(4096, 2) for each in listeners), "all hear of the end")
        assert all(b'"cancelled"' in each.recv(65536) for each in waiting)
        for each in [*listeners, *waiting]:
            each.close()


def test_who_follows_what_others_wait_for(bench: Bench) -> None:
    """Events that were passed over while somebody waited for the end alone are heard by who comes to follow closely,
    and both hear of the end.
    """
    job = bench.claimed()

    async def heard(streams: Streams) -> tuple[list[str], bool]:
        with streams.of(job.id, closely=False) as stream:
            while not stream.version:
                await stream.news(0)
            for number in range(2 * KEPT):
                progress = Progress(stage="cluster", fraction=number / 2 / KEPT)
                assert await asyncio.to_thread(bench.worker.report, job, progress)
            listening = asyncio.create_task(ids(job, streams))
            await asyncio.sleep(0.5)
            assert not stream.over
            await asyncio.to_thread(bench.worker.succeed, job, f"results/{job.id}/1/")
            return await listening, stream.over

    assert with_streams(bench, heard) == ([event.id for event in events_of(bench, job)], True)


def test_an_end_that_is_heard_during_a_reading() -> None:
    """What was read before a job's end does not undo the news of it."""
    stream = Stream("x")
    stream.over = True
    stream.take([(b"1-0", {b"name": b"queued", b"data": b"{}"})], ended=False)
    assert stream.over
