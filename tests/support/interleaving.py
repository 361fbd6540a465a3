"""Coroutines that take their steps in an order that a test chooses.

A step is one question to Redis or to the blob store, and is done at one moment. Between two steps anything may happen.
An answer may be lost: the step was done, and who asked for it hears of an error.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextvars import ContextVar
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.client import Pipeline
from redis.exceptions import TimeoutError as RedisTimeoutError

from shared.contract.errors import StorageFailed
from shared.storage.blobs import Blobs, Entry

_current: ContextVar["Walk"] = ContextVar("walk")


class Walk:
    """A coroutine on its way, step by step."""

    def __init__(self, work: Callable[[], Coroutine[Any, Any, Any]]) -> None:
        self._work = work
        self._arrived = asyncio.Event()
        self._go = asyncio.Event()
        self._lose_answer = False
        self._task: asyncio.Task[Any] | None = None

    @property
    def done(self) -> bool:
        return self._task is not None and self._task.done()

    def outcome(self) -> Any:
        """What it answered, or the exception that it raised."""
        assert self._task is not None
        return self._task.exception() or self._task.result()

    async def step(self, *, lose_answer: bool = False) -> None:
        """Let it do its next step, up to where it would do the one after that, or to its end."""
        self._lose_answer = lose_answer
        self._arrived.clear()
        if self._task is None:
            self._task = asyncio.create_task(self._run())
        else:
            self._go.set()
        arrived = asyncio.create_task(self._arrived.wait())
        await asyncio.wait([self._task, arrived], return_when=asyncio.FIRST_COMPLETED)
        arrived.cancel()

    async def leave(self) -> None:
        """Go no further."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _run(self) -> Any:
        _current.set(self)
        return await self._work()

    async def take(self, work: Callable[[], Awaitable[Any]], lost: Exception) -> Any:
        """Within the coroutine: wait for the test's word, then do the step; `lost` is what a lost answer is."""
        self._arrived.set()
        await self._go.wait()
        self._go.clear()
        answer = await work()
        if self._lose_answer:
            self._lose_answer = False
            raise lost
        return answer


async def _as_a_step(work: Callable[[], Awaitable[Any]], lost: Exception) -> Any:
    walk = _current.get(None)
    return await (work() if walk is None else walk.take(work, lost))


def _of_redis(work: Callable[[], Awaitable[Any]]) -> Awaitable[Any]:
    return _as_a_step(work, RedisTimeoutError("the answer is lost"))


def _of_blobs(work: Callable[[], Awaitable[Any]]) -> Awaitable[Any]:
    return _as_a_step(work, StorageFailed("the answer is lost"))


class SteppedRedis(Redis):
    """Each command, script and transaction is a step."""

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        return await _of_redis(lambda: super(SteppedRedis, self).execute_command(*args, **options))

    def pipeline(self, transaction: bool = True, shard_hint: Any = None) -> "Pipeline":
        pipe = super().pipeline(transaction, shard_hint)
        execute = pipe.execute
        pipe.execute = lambda raise_on_error=True: _of_redis(lambda: execute(raise_on_error))  # type: ignore[method-assign]
        return pipe


class SteppedBlobs(Blobs):
    """Each operation on a blob is a step; a listing is one as a whole."""

    async def exists(self, key: str) -> bool:
        return bool(await _of_blobs(lambda: super(SteppedBlobs, self).exists(key)))

    async def copy(self, key: str, to: str) -> None:
        await _of_blobs(lambda: super(SteppedBlobs, self).copy(key, to))

    async def rename(self, key: str, to: str) -> None:
        await _of_blobs(lambda: super(SteppedBlobs, self).rename(key, to))

    async def delete(self, key: str) -> None:
        await _of_blobs(lambda: super(SteppedBlobs, self).delete(key))

    async def entries(self, prefix: str) -> AsyncIterator[Entry]:
        async def listed() -> list[Entry]:
            return [entry async for entry in super(SteppedBlobs, self).entries(prefix)]

        for entry in await _of_blobs(listed):
            yield entry
