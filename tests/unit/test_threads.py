"""A job runs on as many threads as it was given, whatever it asks for."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any, NamedTuple

import numpy as np
import pytest

from shared.contract.params import MODELS, REFERENCE_MAX_PIXELS, parse_params
from shared.formats import Limits
from tests.support.corpus import png
from tests.support.images import encoded
from tests.support.params import least
from worker import pipeline

# Enough pixels for two threads, had they been allowed: see `worker.color.counting`.
SIDE = 1100
# Milliseconds: what it costs to begin and end the threads of a job.
MOST_ELSEWHERE = 10
WAYS: dict[str, dict[str, Any]] = {
    **{algorithm: least(algorithm) for algorithm in MODELS},
    "kmeans from given centres": {"init": [[0, 0, 0], [255, 255, 255]]},
    "single linkage": {"algorithm": "agglomerative", "linkage": "single"},
    "complete linkage": {"algorithm": "agglomerative", "linkage": "complete", "max_pixels": 2500},
    "xi": {"algorithm": "optics", "cluster_method": "xi"},
    "lab": {"color_space": "lab", "standardize": True},
    "alpha as weight": {"alpha": "weight"},
    "scaled down": {"max_pixels": 600_000},
    "excluded, then scaled down": {"exclude": [{"color": "#ffffff", "tolerance": 20}], "max_pixels": 600_000},
    "region": {"region": {"box": [0, 0, 0.99, 1], "unit": "fraction"}},
    **{
        f"reference {name}": {"algorithm": name, "engine": "reference", "max_pixels": 2000}
        for name in REFERENCE_MAX_PIXELS
    },
}


class Seen(NamedTuple):
    """What a job did to the threads of its process."""

    together: int  # most threads that Python has run at a time, beside the job's own, which waits for them
    elsewhere: float  # milliseconds that threads have computed which neither the job nor Python has begun


def image(image_format: str = "PNG", channels: int = 4, **options: int) -> bytes:
    """More pixels than colours, so that every method comes to an end; with four channels some are transparent."""
    pixels = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, channels), np.uint8)
    pixels[..., :3] &= 0xF8
    return encoded(pixels, image_format, **options)


def watched(data: bytes, way: dict[str, Any], threads: int) -> Seen:
    """Run a job twice: once so that all is loaded and compiled, then under the eyes of Python and Linux."""
    params = parse_params(way)

    def work() -> None:
        pipeline.run(data, params, lambda *_: True, limits=Limits(), threads=threads)

    work()
    start, run = threading.Thread.start, threading.Thread.run
    together, known = [0], [0]

    def started(thread: threading.Thread) -> None:
        start(thread)
        together.append(threading.active_count() - before)

    def ran(thread: threading.Thread) -> None:
        run(thread)
        known.append(time.thread_time_ns())

    before = threading.active_count()
    threading.Thread.start, threading.Thread.run = started, ran  # type: ignore[method-assign]
    try:
        own, everything = time.thread_time_ns(), time.process_time_ns()
        work()
        elsewhere = (time.process_time_ns() - everything) - (time.thread_time_ns() - own) - sum(known)
    finally:
        threading.Thread.start, threading.Thread.run = start, run  # type: ignore[method-assign]
    return Seen(max(together), elsewhere / 1e6)


class Watcher:
    """Watches jobs in a process of its own: others' threads are none of this one's."""

    def __init__(self, pool: ProcessPoolExecutor) -> None:
        self._pool, self._data = pool, image(compress_level=1)

    def __call__(self, way: dict[str, Any], threads: int, data: bytes | None = None) -> Seen:
        return self._pool.submit(watched, data or self._data, way, threads).result()


@pytest.fixture(scope="module")
def seen() -> Iterator[Watcher]:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        yield Watcher(pool)


@pytest.mark.parametrize("way", WAYS)
def test_a_job_of_one_thread_has_no_second(way: str, seen: Watcher) -> None:
    """Decoding, counting, look-ups, scaling, clustering, the peers' packages: one thread computes at a time."""
    together, elsewhere = seen(WAYS[way], 1)
    assert together <= 1
    assert elsewhere < MOST_ELSEWHERE


@pytest.mark.parametrize("image_format", ["JPEG", "WEBP", "AVIF", "JPEG2000", "TIFF", "GIF"])
def test_one_thread_decodes(image_format: str, seen: Watcher) -> None:
    """The libraries that decode have no threads of their own beside it."""
    together, elsewhere = seen({"max_pixels": 100}, 1, image(image_format, channels=3))
    assert together <= 1
    assert elsewhere < MOST_ELSEWHERE


def test_deep_samples_are_converted_on_one_thread(seen: Watcher) -> None:
    """Samples of 16 bits with primaries of their own are mixed without a library's threads."""
    deep = np.random.default_rng(0).integers(0, 65536, (SIDE, SIDE, 3)).astype(np.uint16)
    together, elsewhere = seen({"max_pixels": 100}, 1, png(deep, 16, 2, {b"cICP": bytes([12, 13, 0, 1])}))
    assert together <= 1
    assert elsewhere < MOST_ELSEWHERE


def test_a_second_thread_would_be_seen(seen: Watcher) -> None:
    """Those of our own and those that a package makes in a library that is not Python."""
    assert seen(WAYS["kmeans"], 2).together == 2
    assert seen({"max_pixels": 100}, 2, image("AVIF", channels=3)).elsewhere > MOST_ELSEWHERE
