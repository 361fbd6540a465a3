"""Jobs that are waited for from before they are created."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from api.jobs.wait import wait_for_end
from shared.contract.params import KMeansParams
from shared.jobs import streams as streams_module
from shared.jobs.model import Job, JobStatus, Upload, new_job, new_job_id
from shared.jobs.streams import Streams
from tests.support.bench import Bench, started
from tests.support.gateway import Gateway, gateway


def a_job() -> Job:
    job_id = new_job_id()
    return new_job(job_id, KMeansParams(), Upload(key=f"uploads/{job_id}", size=3, sha256="0" * 64))


async def always() -> bool:
    return True


@asynccontextmanager
async def hearing(streams: Streams) -> AsyncIterator[None]:
    """News are heard. Redis knows of it a moment earlier, and what is followed by then is read."""
    streams.away = True
    async with started(streams):
        while streams.away:
            await asyncio.sleep(0.01)
        yield


def test_the_end_is_heard_and_nothing_is_read(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who expects a job hears its end at once: nobody reads its stream, before or after it is created."""
    monkeypatch.setattr(streams_module, "LOOK_AGAIN_SECONDS", 600.0)
    job = a_job()

    async def ended(parts: Gateway) -> Job:
        async with asyncio.timeout(60), hearing(parts.streams):
            with parts.streams.expecting(job.id):
                await parts.store.create(job)
                waiting = asyncio.create_task(wait_for_end(job.id, 30, parts.store, parts.streams, always))
                claimed = await asyncio.to_thread(bench.worker.claim, job.id)
                assert claimed is not None
                await asyncio.to_thread(bench.worker.succeed, claimed, f"results/{job.id}/1/")
                return await asyncio.wait_for(waiting, 10)

    with gateway(bench.settings) as parts, bench.server.client() as redis:
        redis.config_resetstat()
        assert parts.run(ended(parts)).status is JobStatus.SUCCEEDED
        assert not {"cmdstat_xrevrange", "cmdstat_xrange"} & set(redis.info("commandstats"))


def test_an_expected_job_is_not_gone(bench: Bench) -> None:
    """News that are read again before the job is there, as after a silence, do not say that nothing will follow."""
    job = a_job()

    async def over(parts: Gateway) -> list[bool]:
        async with started(parts.streams), asyncio.timeout(60):
            with parts.streams.expecting(job.id), parts.streams.of(job.id, closely=False) as stream:
                found = []
                for expected in (True, False):
                    stream.expected, version = expected, stream.version
                    parts.streams.look_at([job.id])
                    assert await stream.news(version, 10)
                    found.append(stream.over)
                return found

    with gateway(bench.settings) as parts:
        assert parts.run(over(parts)) == [False, True]
