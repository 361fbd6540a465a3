"""Stored images under any interleaving of all that can be done with them, in a real Valkey and a real folder.

`IMAGE_RUNS` sets how many are tried; `make test-faults` tries more.
"""

import asyncio
import os
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import orjson
import redis
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from api.upkeep.collector import Collector
from api.upkeep.failures import Failures
from shared.contract.errors import HuemillError
from shared.jobs.clients import JobStore
from shared.jobs.keys import IMAGES, image_record_key
from shared.jobs.model import new_job_id
from shared.runtime.redis_errors import redis_errors
from shared.storage.images import ImageStore, StoredImage
from shared.storage.keys import image_key
from shared.storage.stored_images import StoredImages
from tests.support.interleaving import SteppedBlobs, SteppedRedis, Walk
from tests.support.processes import StoreServer

RUNS = int(os.environ.get("IMAGE_RUNS", "200"))
SHA = "a" * 64
KINDS = ("keep", "copy", "delete", "expire", "collect", "time")
STATES = ("absent", "stored", "without bytes")
MOST_STEPS = 9  # of one operation
LONG = 86_400.0

one_after_the_other = st.permutations(range(4)).map(lambda turns: [turn for turn in turns for _ in range(MOST_STEPS)])


@dataclass(eq=False)
class Operation:
    """Something that is asked for, and what was promised to who asks."""

    kind: str
    walk: Walk
    young: str
    """The end of the key of the blob that it is about to make a record of: nobody holds that for old."""
    must_find: bool = False
    """Whether the image was surely there when this began."""
    doubted: bool = False
    """Whether the image was being deleted, or its time came, at some moment since: then this may find none."""


@dataclass
class Images:
    """All that can be done with one image, and a promise as the model of it.

    `sure`: the image must be there now, whatever is under way, because an operation has answered that it is, and since
    that operation began nobody was deleting it, and its time has not come.
    """

    images: StoredImages
    collector: Collector
    folder: Path
    client: redis.Redis
    stepped: redis.asyncio.Redis
    runner: asyncio.Runner
    sure: bool = False
    under_way: list[Operation] = field(default_factory=list)
    without_bytes: set[str] = field(default_factory=set)
    """The key of the blob that the storage has lost."""

    def clear(self) -> None:
        for operation in self.under_way:  # of a run that has failed
            self.runner.run(operation.walk.leave())
        self.under_way, self.without_bytes = [], set()
        self.client.flushdb()
        for path in self.files():
            path.unlink()
        self.sure = False

    def files(self) -> list[Path]:
        return [path for path in self.folder.rglob("*") if path.is_file()]

    def operation(self, kind: str) -> Operation:
        """Not begun yet."""
        unique = new_job_id()
        return Operation(kind, Walk(partial(self._work, kind, unique)), unique if kind in ("keep", "copy") else "")

    def _work(self, kind: str, unique: str) -> Coroutine[Any, Any, Any]:
        match kind:
            case "keep":
                upload = self.folder / "uploads" / unique
                upload.parent.mkdir(exist_ok=True)
                upload.write_bytes(b"bytes")
                about = {"size": 5, "media_type": "image/png", "width": 1, "height": 1}
                image = StoredImage(sha256=SHA, key=image_key(SHA, unique), **about)
                return self.images.keep(f"uploads/{unique}", image)
            case "copy":
                return self.images.copy(SHA, f"uploads/{unique}")
            case "delete":
                return self.images.delete(SHA)
            case "expire":
                return self.images.expire(SHA)
            case "collect":
                return self.collector.collect()
            case _:
                return self._let_time_come()

    async def _let_time_come(self) -> None:
        """Nobody has used the image for a day."""
        with redis_errors():
            await self.stepped.zadd(IMAGES, {SHA: 1}, xx=True)

    def step(self, operation: Operation, *, lost: bool = False) -> None:
        """One step of an operation, its first one included."""
        if operation not in self.under_way:
            self._begin(operation)
        if operation.kind == "collect":
            self._let_blobs_be_old()
        self.runner.run(operation.walk.step(lose_answer=lost))
        if operation.walk.done:
            self.under_way.remove(operation)
            self._judge(operation)

    def _begin(self, operation: Operation) -> None:
        if operation.kind in ("delete", "time"):
            self.sure = False
            for other in self.under_way:
                other.doubted = True
        operation.must_find = self.sure
        operation.doubted = any(other.kind in ("delete", "time") for other in self.under_way)
        self.under_way.append(operation)

    def _let_blobs_be_old(self) -> None:
        """All but those that somebody is about to make a record of: that takes seconds, not an hour."""
        young = [operation.young for operation in self.under_way if operation.young]
        for path in self.files():
            if not any(path.name.endswith(unique) for unique in young):
                os.utime(path, (0, 0))

    def _judge(self, operation: Operation) -> None:
        outcome = operation.walk.outcome()
        if isinstance(outcome, HuemillError):
            return  # an answer was lost: nothing was promised
        if isinstance(outcome, BaseException):
            raise outcome
        if operation.kind in ("keep", "copy") and not operation.doubted:
            assert outcome is not None or not operation.must_find, "an image that was stored is not found"
            self.sure = self.sure or outcome is not None

    def lose_bytes(self) -> None:
        """The storage loses the image's blob: the record that it leaves is nobody's fault."""
        (key,) = self.check()
        (self.folder / key).unlink()
        self.without_bytes, self.sure = {key}, False

    def check(self) -> set[str]:
        """Nothing is under way: record and blob are both there or neither is. The blobs' keys that have a record."""
        record = self.client.get(image_record_key(SHA))
        kept = {orjson.loads(record)["key"]} if record else set()
        assert self.client.zcard(IMAGES) == len(kept)
        assert all((self.folder / key).is_file() for key in kept - self.without_bytes), "a record without its blob"
        assert kept or not self.sure, "an image that was stored is gone"
        return kept


@contextmanager
def images_on(server: StoreServer, folder: Path) -> Iterator[Images]:
    with asyncio.Runner() as runner, server.client() as client:
        client.flushall()
        stepped = SteppedRedis.from_url(server.url)
        blobs, records = SteppedBlobs(folder.as_uri()), ImageStore(stepped, LONG)
        jobs = JobStore(stepped, resend_seconds=LONG, result_ttl_seconds=LONG)
        collector = Collector(jobs, blobs, records, Failures(), orphan_seconds=LONG)
        for script in (records._keep, records._take):
            client.script_load(script.script)
        try:
            yield Images(StoredImages(records, blobs), collector, folder, client, stepped, runner)
        finally:
            runner.run(stepped.aclose())


def test_any_interleaving_keeps_records_and_blobs_together(server: StoreServer, tmp_path: Path) -> None:
    """Whatever is under way together, and whichever answer is lost: an image that was answered as stored, and neither
    deleted nor let expire since, can be used; no record stays without its blob, and no blob without its record.
    """
    with images_on(server, tmp_path) as images:
        # A copy that finds nothing, while the image is stored: the record of that is not the copy's to take away.
        @example(before="absent", kinds=["copy", "keep"], order=[0, 0, *[1] * 9], lost=None)
        # Nobody hears that the record was made: its blob must stay.
        @example(before="absent", kinds=["keep"], order=[0] * 9, lost=3)
        # A copy finds a record, then the image is deleted and stored anew: the new record stays.
        @example(before="stored", kinds=["copy", "delete", "keep"], order=[0, 0, *[1] * 3, *[2] * 5], lost=None)
        # The same while the copy is about to take the record away that it has found.
        @example(before="stored", kinds=["copy", "delete", "keep"], order=[0, 0, *[1] * 3, 0, 0, *[2] * 5], lost=None)
        # Its time has come, it is used, and then a sweep comes to it that has listed it before.
        @example(before="stored", kinds=["time", "copy", "expire"], order=[0] * 9 + [1] * 9 + [2] * 9, lost=None)
        # Two copies find the same record without its bytes; the image is stored anew between what they do about it.
        @example(before="without bytes", kinds=["copy", "copy", "keep"], order=[0] * 4 + [1] * 9 + [2] * 9, lost=None)
        @given(
            before=st.sampled_from(STATES),
            kinds=st.lists(st.sampled_from(KINDS), min_size=2, max_size=4),
            order=st.lists(st.integers(0, 3), min_size=8, max_size=24) | one_after_the_other,
            lost=st.none() | st.integers(0, 12),
        )
        @settings(max_examples=RUNS, deadline=None, suppress_health_check=list(HealthCheck))
        def explore(before: str, kinds: list[str], order: list[int], lost: int | None) -> None:
            run(images, before, kinds, order, lost)

        explore()


def test_any_answer_can_be_lost(server: StoreServer, tmp_path: Path) -> None:
    """Each operation alone, in each state, with each of its answers lost: the same holds."""
    with images_on(server, tmp_path) as images:
        for before, kind, lost in product(STATES, KINDS, range(MOST_STEPS)):
            run(images, before, [kind], [], lost)


def run(images: Images, before: str, kinds: list[str], order: list[int], lost: int | None) -> None:
    """The operations together, then a use of the image and a collection, after which nothing is without its half."""
    images.clear()
    if before != "absent":
        walk(images, [images.operation("keep")], [], None)
    if before == "without bytes":
        images.lose_bytes()
    walk(images, [images.operation(kind) for kind in kinds], order, lost)
    images.check()
    for kind in ("copy", "collect"):
        walk(images, [images.operation(kind)], [], None)
    assert {str(path.relative_to(images.folder)) for path in images.files()} == images.check()


def walk(images: Images, operations: list[Operation], order: list[int], lost: int | None) -> None:
    """Let the operations take their steps in that order, then each to its end; the answer to one of them is lost."""
    steps = iter(range(1000))
    for which in order:
        operation = operations[which % len(operations)]
        if not operation.walk.done:
            images.step(operation, lost=next(steps) == lost)
    for operation in operations:
        while not operation.walk.done:
            images.step(operation, lost=next(steps) == lost)
