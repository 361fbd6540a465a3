"""The first job of a worker that has just started, beside its later ones: `python -m bench.cold`.

Over HTTP, on a stack started anew for each algorithm, the kernels in the cache on disk as after `huemill warmup`.
"""

import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from sklearn.datasets import load_sample_images

from bench import common
from bench.common import Row
from cli.client import Client
from cli.stack import running
from shared.contract.params import MODELS
from worker.warmup import NEEDED

IMAGE = Path(load_sample_images().filenames[0])
LATER = 5


def rows(_: Path) -> Iterator[Row]:
    """A row for each algorithm with its default parameters, from the post to the ended job."""
    for algorithm in MODELS:
        with tempfile.TemporaryDirectory() as folder:
            begin = time.perf_counter()
            with running(Path(folder)) as stack, Client(stack.url) as client:
                started = time.perf_counter() - begin
                first, *later = [_seconds(client, algorithm) for _ in range(1 + LATER)]
        warm = statistics.median(later)
        yield Row(
            f"{algorithm}, china.jpg: a worker's first job",
            first,
            "the same worker, warm",
            warm,
            warm / first,
            aim="within 1 s of warm",
            note=f"{first - warm:+.3f} s; the stack was ready {started:.1f} s after its start",
        )


def _seconds(client: Client, algorithm: str) -> float:
    begin = time.perf_counter()
    job = client.submit(IMAGE, {"algorithm": algorithm, **NEEDED.get(algorithm, {})})
    ended = client.wait(job["id"], lambda stage, fraction: None)
    seconds = time.perf_counter() - begin
    if ended["status"] != "succeeded":
        raise RuntimeError(f"the job ended as {ended['status']}: {ended['error']}")
    return seconds


if __name__ == "__main__":
    common.main(rows)
