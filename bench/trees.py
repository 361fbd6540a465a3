"""Whole calls beside quitefastmst's spanning trees: `python -m bench trees`.

A call that begins with such a tree takes that long at least. Both sides take turns in one process, so that whatever
else the machine does, it does to both; quickest and CPU seconds, because nothing makes those shorter than they are.
quitefastmst takes no weights, so its tree is always of each colour once; it counts `M` as the hdbscan package counts
`min_samples`. Its licence is AGPL: it is measured beside, never shipped.
"""

import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import quitefastmst
from PIL import Image

from bench.common import Row, Work
from shared.contract.params import AgglomerativeParams, AnyParams, HdbscanParams, OpticsParams
from worker.clustering import cluster
from worker.color.counting import count_colors
from worker.color.points import Points
from worker.warmup import warm_up

REPEAT = 9
NORMAL = 250_000
PHOTOGRAPH = "kleiber_20mp.jpg"


@dataclass(frozen=True)
class Case:
    """A whole call, and the tree that it is held against."""

    name: str
    params: AnyParams
    neighbours: int  # M of the tree
    most: float  # how many times as long as the tree the call may take
    image: str | None = PHOTOGRAPH  # normal points without one
    counted: bool = False  # colours with their counts, or each once


CASES = (
    Case("single linkage, kleiber's colours once", AgglomerativeParams(linkage="single"), 0, 1.5),
    Case("hdbscan, kleiber's colours once, min_samples 10", HdbscanParams(min_samples=10), 10, 1.5),
    Case("hdbscan, 250,000 normal points, min_samples 10", HdbscanParams(min_samples=10), 10, 1.5, image=None),
    Case("hdbscan, kleiber, default shares", HdbscanParams(), 10, 2.6, counted=True),
    Case("optics, kleiber, default shares", OpticsParams(), 10, 7.0, counted=True),
)


def points_of(case: Case, images: Path) -> Points:
    """What is clustered."""
    if case.image is None:
        coords = np.random.default_rng(0).standard_normal((NORMAL, 3))
        return Points(coords, np.ones(NORMAL, np.int64), np.arange(NORMAL))
    Image.MAX_IMAGE_PIXELS = None
    found = count_colors(np.asarray(Image.open(images / case.image).convert("RGB"))).points()
    return found if case.counted else replace(found, weights=np.ones(len(found), np.int64))


def seconds(work: Work) -> tuple[float, float]:
    """Wall and CPU seconds of one call."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - cpu


def in_turn(case: Case, images: Path) -> tuple[tuple[float, float], tuple[float, float]]:
    """(wall, CPU) seconds of the call, and of the tree: the least of each."""
    warm_up()
    points = points_of(case, images)
    coords = points.coords.copy()
    sides: list[Work] = [lambda: cluster(points, case.params), lambda: quitefastmst.mst_euclid(coords, case.neighbours)]
    for side in sides:
        side()
    found = np.array([[seconds(side) for side in sides] for _ in range(REPEAT)])
    (ours, our_work), (tree, its_work) = found.min(axis=0).tolist()
    return (ours, our_work), (tree, its_work)


def rows(images: Path) -> Iterator[Row]:
    """A row for each case; its note tells how many trees long the whole call is."""
    for case in CASES:
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            (ours, our_work), (tree, its_work) = pool.submit(in_turn, case, images).result()
        yield Row(
            case.name,
            ours,
            f"quitefastmst's tree, M = {case.neighbours}",
            tree,
            tree / ours,
            aim=f"at most {case.most:g} trees",
            note=f"{ours / tree:.2f} trees; CPU {our_work:.2f} s, {our_work / its_work:.2f} trees",
        )
