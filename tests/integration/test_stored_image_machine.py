"""Stored images under any interleaving of all that can be done with them, in a real Valkey and a real folder.

`IMAGE_MACHINES` sets how many runs are tried; each has up to `STEPS` steps of operations that are under way together.
"""

import asyncio
import os
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import redis
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from api.upkeep.collector import Collector
from api.upkeep.troubles import Troubles
from shared.contract.errors import HuemillError
from shared.jobs.clients import JobStore
from shared.jobs.keys import IMAGES, image_record_key
from shared.jobs.model import new_job_id
from shared.storage.images import ImageStore, StoredImage
from shared.storage.keys import image_key
from shared.storage.stored_images import StoredImages
from tests.support.interleaving import SteppedBlobs, SteppedRedis, Walk
from tests.support.processes import StoreServer

MACHINES = int(os.environ.get("IMAGE_MACHINES", "60"))
STEPS = 60
AT_ONCE = 4
SHAS = ("a" * 64, "b" * 64)
KINDS = ("keep", "copy", "delete", "expire", "collect")
LONG = 86_400.0

shas = st.sampled_from(SHAS)


@dataclass
class Hands:
    """One of each, kept open for all runs."""

    images: StoredImages
    records: ImageStore
    collector: Collector
    folder: Path
    client: redis.Redis
    runner: asyncio.Runner


@dataclass(eq=False)
class Operation:
    """Something that was asked for, and has not answered yet."""

    kind: str
    sha256: str
    walk: Walk
    young: str
    """The end of the key of the blob that it may be about to make a record of: nobody holds it for old."""
    must_find: bool
    """Whether the image was sure when this began."""
    doubted: bool
    """Whether it was being deleted, or its time came, at some moment since: then this may find none."""


class ImageMachine(RuleBasedStateMachine):
    """The model is a promise: `sure` are the images that must be there now, whatever is under way.

    An image is sure when an operation has answered that it is stored and nobody has begun to delete it, or let its time
    come, since that operation began. It is not sure any more when somebody does.
    """

    def __init__(self, hands: Hands) -> None:
        super().__init__()
        self.hands = hands
        self.under_way: list[Operation] = []
        self.sure: set[str] = set()
        self.hands.client.flushdb()
        for path in self._files():
            path.unlink()

    @initialize(sha256=shas)
    def begin(self, sha256: str) -> None:
        """So that much happens to one image."""
        self.ask("keep", sha256)
        self.finish_all()

    @precondition(lambda self: len(self.under_way) < AT_ONCE)
    @rule(kind=st.sampled_from(KINDS), sha256=shas)
    def ask(self, kind: str, sha256: str) -> None:
        """Begin an operation: it does nothing yet."""
        unique = new_job_id()
        if kind == "keep":
            upload = self.hands.folder / "uploads" / unique
            upload.parent.mkdir(exist_ok=True)
            upload.write_bytes(sha256.encode())
            image = StoredImage(
                sha256=sha256, key=image_key(sha256, unique), size=64, media_type="image/png", width=1, height=1
            )
            work: Coroutine[Any, Any, Any] = self.hands.images.keep(f"uploads/{unique}", image)
        elif kind == "copy":
            work = self.hands.images.copy(sha256, f"uploads/{unique}")
        elif kind == "delete":
            work = self.hands.images.delete(sha256)
        elif kind == "expire":
            work = self.hands.images.expire(sha256)
        else:
            work = self.hands.collector.collect()
        if kind == "delete":
            self._doubt(sha256)
        deleting = any((other.kind, other.sha256) == ("delete", sha256) for other in self.under_way)
        young = unique if kind in ("keep", "copy") else ""
        operation = Operation(kind, sha256, Walk(work), young, must_find=sha256 in self.sure, doubted=deleting)
        self.under_way.append(operation)
        self._step(operation)

    @rule(sha256=shas)
    def let_time_come(self, sha256: str) -> None:
        """Nobody has used the image for a day."""
        self._doubt(sha256)
        self.hands.client.zadd(IMAGES, {sha256: 1}, xx=True)

    @precondition(lambda self: self.under_way)
    @rule(which=st.integers(0, AT_ONCE - 1), lost=st.sampled_from([False] * 9 + [True]))
    def step(self, which: int, lost: bool) -> None:
        """One of them does its next step; now and then the answer to it is lost."""
        self._step(self.under_way[which % len(self.under_way)], lost)

    @precondition(lambda self: self.under_way)
    @rule(which=st.integers(0, AT_ONCE - 1))
    def finish(self, which: int) -> None:
        """One of them does all that it has to do."""
        operation = self.under_way[which % len(self.under_way)]
        while operation in self.under_way:
            self._step(operation)

    def finish_all(self) -> None:
        while self.under_way:
            self.finish(0)

    def _step(self, operation: Operation, lost: bool = False) -> None:
        self._age(operation)
        self.hands.runner.run(operation.walk.step(lose_answer=lost))
        if operation.walk.done:
            self.under_way.remove(operation)
            self._judge(operation)

    def _age(self, operation: Operation) -> None:
        """All blobs are old but those that somebody is about to make a record of: that takes seconds, not an hour."""
        busy = [other.young for other in self.under_way if other.young]
        if operation.kind == "collect":
            for path in self._files():
                if not any(path.name.endswith(unique) for unique in busy):
                    os.utime(path, (0, 0))

    def _doubt(self, sha256: str) -> None:
        self.sure.discard(sha256)
        for other in self.under_way:
            other.doubted = other.doubted or other.sha256 == sha256

    def _judge(self, operation: Operation) -> None:
        outcome, sha256 = operation.walk.outcome(), operation.sha256
        if isinstance(outcome, HuemillError):
            return  # an answer was lost: nothing was promised
        assert not isinstance(outcome, BaseException), outcome
        if operation.kind in ("keep", "copy") and not operation.doubted:
            assert outcome is not None or not operation.must_find, "an image that was stored is not found"
            if outcome is not None:
                self.sure.add(sha256)

    def teardown(self) -> None:
        """When all is done each sure image can be used, each record has its blob, and the collector leaves no other."""
        self.finish_all()
        for sha256 in SHAS:
            copied = self.hands.runner.run(self.hands.images.copy(sha256, f"uploads/{new_job_id()}"))
            assert copied is not None or sha256 not in self.sure, "an image that was stored is gone"
        for path in self._files():
            os.utime(path, (0, 0))
        self.hands.runner.run(self.hands.collector.collect())
        kept = [self.hands.runner.run(self.hands.records.get(sha256)) for sha256 in SHAS]
        assert {path.name for path in self._files()} == {
            each.image.key.removeprefix("images/") for each in kept if each
        }
        assert self.hands.client.zcard(IMAGES) == len([each for each in kept if each])
        assert self.hands.client.exists(*map(image_record_key, SHAS)) == len([each for each in kept if each])

    def _files(self) -> list[Path]:
        return [path for path in self.hands.folder.rglob("*") if path.is_file()]


@contextmanager
def hands_on(server: StoreServer, folder: Path) -> Iterator[Hands]:
    with asyncio.Runner() as runner, server.client() as client:
        client.flushall()
        stepped = SteppedRedis.from_url(server.url)
        blobs, records = SteppedBlobs(folder.as_uri()), ImageStore(stepped, LONG)
        jobs = JobStore(stepped, resend_seconds=LONG, result_ttl_seconds=LONG)
        images, collector = (
            StoredImages(records, blobs),
            Collector(jobs, blobs, records, Troubles(), orphan_seconds=LONG),
        )
        for script in (records._keep, records._take):
            client.script_load(script.script)
        try:
            yield Hands(images, records, collector, folder, client, runner)
        finally:
            runner.run(stepped.aclose())


def test_any_interleaving_keeps_images_and_records_together(server: StoreServer, tmp_path: Path) -> None:
    """Whatever is under way together, and whichever answers are lost: an image that was answered as stored, and neither
    deleted nor let expire since, can be used; no record stays without its blob, and no blob without its record.
    """
    few = settings(
        max_examples=MACHINES,
        stateful_step_count=STEPS,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    )
    with hands_on(server, tmp_path) as hands:
        run_state_machine_as_test(lambda: ImageMachine(hands), settings=few)
