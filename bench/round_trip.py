"""A small job over HTTP, from the post to the answer with its result: `python -m bench.round_trip`.

One client posts one job after the other, with `Prefer: wait`, to a stack of its own on this machine.
"""

import io
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
from PIL import Image

from bench import common
from bench.common import Row
from cli.stack import running

SIDE = 24  # pixels, nearly all of different colours
WARM_UP, JOBS = 30, 200


def rows(_: Path) -> Iterator[Row]:
    """A row for KMeans with its default parameters, and one for a single start."""
    pixels = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    with (
        tempfile.TemporaryDirectory() as folder,
        running(Path(folder)) as stack,
        httpx.Client(base_url=stack.url, timeout=30, trust_env=False) as client,
    ):
        for params in ({}, {"n_init": 1}):
            yield _row(client, file.getvalue(), params)


def _row(client: httpx.Client, image: bytes, params: dict[str, int]) -> Row:
    headers = {"Content-Type": "image/png", "Prefer": "wait=10", "Cache-Control": "no-cache"}
    walls, computed = [], []
    for _ in range(WARM_UP + JOBS):
        begin = time.perf_counter()
        answer = client.post("/v1/jobs", content=image, params=params, headers=headers)
        walls.append(time.perf_counter() - begin)
        job = answer.raise_for_status().json()
        if job["status"] != "succeeded":
            raise RuntimeError(f"the job is {job['status']}: {job['error']}")
        computed.append(sum(job["result"]["timings_ms"].values()) / 1000)
    wall, compute = statistics.median(walls[WARM_UP:]), statistics.median(computed[WARM_UP:])
    slow = statistics.quantiles(walls[WARM_UP:], n=10)[-1]
    return Row(
        ", ".join([f"{SIDE * SIDE} pixels, KMeans", *(f"{name} {value}" for name, value in params.items())]),
        wall,
        "its stages in the worker alone",
        compute,
        compute / wall,
        aim="0.012 s",
        note=f"median of {JOBS} jobs; a tenth took more than {slow:.4f} s",
    )


if __name__ == "__main__":
    common.main(rows)
