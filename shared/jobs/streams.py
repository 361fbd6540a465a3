"""Many jobs' events, read for all who follow them over few connections: nobody holds one of his own. Asynchronous.

Every move that tells an event also publishes its job's id and the event's name, on one channel that each gateway
hears (`moves.lua`). That is a hint, as a queue's message is; the streams are the truth. A stream is read when it is
first followed, when it is hinted at, whenever the channel is heard anew after a silence, and every ten seconds
whatever was heard. So a lost hint costs seconds, and never an event.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from shared.contract.errors import HuemillError, Unavailable, UnreadableRecord
from shared.jobs.events import Event, event_of, place_of
from shared.jobs.keys import NEWS, events_key, job_key
from shared.jobs.model import ENDED
from shared.runtime.redis_errors import AWAY, asks_redis, redis_errors, wrong_type_told

# What is kept of a stream for those who follow it closely; who is further behind reads for himself.
KEPT = 16
PAGE = 100
# What he reads at a time, and has in memory.
CATCH_UP_PAGE = 20
# Streams that are read in one round trip.
BATCH = 100
# Readers that catch up at the same time: each has a connection meanwhile.
CATCHING_UP = 8
LOOK_AGAIN_SECONDS = 10.0
HEARD_SECONDS = 2.0
AGAIN_SECONDS = 1.0
# Followers that are woken in one turn of the event loop: thousands may follow one job.
WOKEN_AT_ONCE = 20

log = logging.getLogger("huemill.store")


class Stream:
    """A job's events, for as long as somebody in this process follows them."""

    def __init__(self, job_id: str) -> None:
        self.job_id = job_id
        self.followers = 0
        self.closely = 0
        """How many of them want every event, and not the end alone."""
        self.version = 0
        """Grows with every look at it, also where nothing was new."""
        self.over = False
        """Whether the job has ended or is gone: nothing will follow what is there."""
        self.error: HuemillError | None = None
        """Why it cannot be read."""
        self.expected = False
        """Whether the job is yet to be created: that there is none does not mean that it is gone."""
        self.last: str | None = None
        """The id up to which it was read; None before the first time."""
        self.looked_at = 0.0
        self._recent: deque[Event] = deque(maxlen=KEPT)
        self._whole = True  # whether nothing came before `_recent`
        self._waiting: list[asyncio.Future[None]] = []

    def since(self, after: str) -> list[Event] | None:
        """The events after the one with that id; None where more would be needed than is kept."""
        place = place_of(after)
        if self._recent and not self._whole and place < place_of(self._recent[0].id):
            return None
        return [event for event in self._recent if place_of(event.id) > place]

    def take(self, entries: Sequence[tuple[bytes, dict[bytes, bytes]]], ended: bool) -> None:
        """Note what was read: the entries after the last one, or the latest of all, in their order."""
        if self.last is None:
            self._whole = len(entries) <= KEPT
        for entry_id, fields in entries:
            self.last = entry_id.decode()
            event = event_of(self.last, fields)
            if event is not None:
                self._whole = self._whole and len(self._recent) < KEPT
                self._recent.append(event)
        # The news of its end may have come while this was being read.
        self.over = self.over or ended or (bool(self._recent) and self._recent[-1].name in ENDED)

    async def news(self, version: int, seconds: float | None = None) -> bool:
        """Wait until it was looked at again since it had that version; False after so many seconds."""
        if self.version != version:
            return True
        waiting = asyncio.get_running_loop().create_future()
        self._waiting.append(waiting)
        try:
            async with asyncio.timeout(seconds):
                await waiting
        except TimeoutError:
            return False
        finally:
            if not waiting.done() or waiting.cancelled():
                with suppress(ValueError):
                    self._waiting.remove(waiting)
        return True

    async def wake(self) -> None:
        """Tell those who wait, some in each turn of the event loop."""
        self.version += 1
        waiting, self._waiting = self._waiting, []
        for place, each in enumerate(waiting, 1):
            if not each.done():
                each.set_result(None)
            if place % WOKEN_AT_ONCE == 0:
                await asyncio.sleep(0)


class Streams:
    """The streams that somebody follows, and the two tasks that hear of news and read them."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._streams: dict[str, Stream] = {}
        self._unread: dict[Stream, None] = {}
        self._something = asyncio.Event()
        self._catching_up = asyncio.Semaphore(CATCHING_UP)
        self._tasks: list[asyncio.Task[None]] = []
        # In each turn of the event loop one follower is handed some events: what is done with them is short, but of a
        # thousand followers of a long job it would be a silence for everyone else.
        self.turn = asyncio.Lock()
        self.away = False
        """Whether the store could not be reached the last time."""

    def start(self) -> None:
        self._tasks = [
            asyncio.create_task(self._again_and_again(step)) for step in (self._hear, self._read_next, self._look_again)
        ]

    async def stop(self) -> None:
        while self._tasks:
            for task in self._tasks:
                # More than once: with Python 3.11, redis-py swallows a cancellation that comes while it sends
                # (asyncio.wait_for, fixed in 3.12).
                task.cancel()
            _, pending = await asyncio.wait(self._tasks, timeout=0.2)
            self._tasks = list(pending)

    async def _again_and_again(self, step: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                with redis_errors():
                    await step()
            except Unavailable as error:
                self.away = True
                log.warning("events cannot be read: %s", error.__cause__ or error)
                await asyncio.sleep(AGAIN_SECONDS)
            except Exception:
                log.exception("following jobs: a defect")
                await asyncio.sleep(AGAIN_SECONDS)

    @property
    def followers(self) -> int:
        """How many follow a job at the moment."""
        return sum(stream.followers for stream in self._streams.values())

    @contextmanager
    def of(self, job_id: str, *, closely: bool = True) -> Iterator[Stream]:
        """The job's stream; what is looked at from then on misses nothing that comes. `closely`: not only the end."""
        stream = self._streams.get(job_id)
        if stream is None:
            stream = self._streams[job_id] = Stream(job_id)
            self._to_read(stream)
        elif closely and not stream.closely:  # until now its events were passed over
            stream.over = False
            self._to_read(stream)
        stream.expected = False
        stream.followers += 1
        stream.closely += closely
        try:
            yield stream
        finally:
            stream.closely -= closely
            self._leave(stream)

    @contextmanager
    def expecting(self, job_id: str) -> Iterator[None]:
        """While the context lasts the job is created, and perhaps waited for: nothing of it is read before, since
        whatever it tells is heard from its first word on.
        """
        stream = self._streams[job_id] = Stream(job_id)
        stream.expected, stream.looked_at = True, asyncio.get_running_loop().time()
        stream.followers += 1
        try:
            yield
        finally:
            self._leave(stream)

    def _leave(self, stream: Stream) -> None:
        stream.followers -= 1
        if not stream.followers:
            del self._streams[stream.job_id]
            self._unread.pop(stream, None)

    async def since(self, stream: Stream, after: str) -> list[Event]:
        """The stream's events after the one with that id, some at a time. Raises Unavailable and UnreadableRecord."""
        if stream.error is not None:
            raise stream.error
        kept = stream.since(after)
        if kept is not None:
            return kept
        async with self._catching_up:
            return await self.page(stream.job_id, after)

    @asks_redis
    async def page(self, job_id: str, after: str) -> list[Event]:
        """A job's events after the one with that id as they are now, some at a time."""
        while True:
            entries: Any = await self._redis.xrange(events_key(job_id), min=f"({after}", count=CATCH_UP_PAGE)
            found = [event for event in (event_of(raw.decode(), fields) for raw, fields in entries) if event]
            if found or not entries:
                return found
            after = entries[-1][0].decode()

    def look_at(self, job_ids: Iterable[str]) -> None:
        """Let the streams of these jobs be read, as if they had news: all who follow them are woken."""
        self._to_read(*(self._streams[job_id] for job_id in job_ids if job_id in self._streams))

    def _to_read(self, *streams: Stream) -> None:
        self._unread.update(dict.fromkeys(streams))
        if self._unread:
            self._something.set()

    async def _hear(self) -> None:
        """Hear of news until the connection breaks. Before that, whatever is followed may have had news."""
        async with self._redis.pubsub() as channel:
            await channel.subscribe(NEWS)
            silent = 0
            while silent < 2:
                message = await channel.get_message(timeout=HEARD_SECONDS)
                silent = 0 if message else silent + 1
                if message is None:
                    await channel.ping()  # what is dropped on the way breaks no connection
                elif message["type"] == "subscribe":
                    self.away = False
                    self._to_read(*self._streams.values())
                elif message["type"] == "message":
                    await self._news(*message["data"].decode(errors="replace").partition(" ")[::2])
        raise Unavailable(AWAY)

    async def _news(self, job_id: str, name: str) -> None:
        """A job has told an event of this name."""
        stream = self._streams.get(job_id)
        if stream is None:
            return
        if stream.closely:
            self._to_read(stream)
        elif name in ENDED:
            stream.over = True
            await stream.wake()

    async def _read_next(self) -> None:
        """Read some of the streams that may have news, and wake those who follow them."""
        await self._something.wait()
        batch = list(self._unread)[:BATCH]
        for stream in batch:
            del self._unread[stream]
        if not self._unread:
            self._something.clear()
        try:
            await self._read(batch)
            self.away = False
        except Unavailable:
            self.away = True
            self._to_read(*(stream for stream in batch if stream.followers))
            raise
        finally:
            for stream in batch:
                await stream.wake()

    @asks_redis
    async def _read(self, batch: Sequence[Stream]) -> None:
        # First whether it has ended, then what it has told: the end's event comes with the end.
        async with self._redis.pipeline(transaction=False) as pipe:
            for stream in batch:
                pipe.hmget(job_key(stream.job_id), "status", "finished_at")
                if stream.last is None:
                    pipe.xrevrange(events_key(stream.job_id), count=KEPT + 1)
                else:
                    pipe.xrange(events_key(stream.job_id), min=f"({stream.last}", count=PAGE)
            answers = await pipe.execute(raise_on_error=False)
        now = asyncio.get_running_loop().time()
        for stream, state, entries in zip(batch, answers[::2], answers[1::2], strict=True):
            stream.looked_at = now
            self._note(stream, state, entries)

    def _note(self, stream: Stream, state: Any, entries: Any) -> None:
        """Take what was read of a stream; answers of a pipeline may be errors."""
        stream.error = None
        try:
            with wrong_type_told():
                for answer in (state, entries):
                    if isinstance(answer, RedisError):
                        raise answer
        except UnreadableRecord as error:
            stream.error = error
            return
        status, finished = state
        if status is None and stream.expected:
            return
        ended = status is None or finished or status.decode(errors="replace") in ENDED
        if stream.last is None:
            stream.take(entries[::-1], bool(ended))
        else:
            more = len(entries) == PAGE
            stream.take(entries, bool(ended) and not more)
            if more:
                self._to_read(stream)

    async def _look_again(self) -> None:
        """What was not read for long is read without a hint; who follows it hears at least that nothing is new."""
        await asyncio.sleep(LOOK_AGAIN_SECONDS / 10)
        before = asyncio.get_running_loop().time() - LOOK_AGAIN_SECONDS
        self._to_read(*(stream for stream in self._streams.values() if stream.looked_at < before))
