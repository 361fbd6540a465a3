"""Time and memory of one engine's run."""

import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from shared.contract.params import AnyParams
from worker.clustering import Clustering, cluster
from worker.color.points import Points


@dataclass(frozen=True)
class Measured:
    """One engine's run."""

    clustering: Clustering
    seconds: float
    peak_bytes: int  # what the run needed above what its process held before


def measured(points: Points, params: AnyParams) -> Measured:
    """Run one engine in a fresh process, the exact one warmed up."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_measure, points, params).result()


def _measure(points: Points, params: AnyParams) -> Measured:
    few = slice(0, 64)
    cluster(Points(points.coords[few], np.minimum(points.weights[few], 2), points.first[few], points.space), params)
    # Linux: forget the peak so far, so that what imports and compilation took is not counted.
    Path("/proc/self/clear_refs").write_text("5")
    before = _status_bytes("VmRSS")
    begin = time.perf_counter()
    clustering = cluster(points, params)
    seconds = time.perf_counter() - begin
    return Measured(clustering, seconds, max(_status_bytes("VmHWM") - before, 0))


def _status_bytes(name: str) -> int:
    """A size from this process's own status file."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    raise KeyError(name)
