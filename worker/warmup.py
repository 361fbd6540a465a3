"""Compile the kernels of every algorithm, or load them from the cache: `python -m worker.warmup`."""

import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np

from shared.contract.params import (
    MODELS,
    AgglomerativeParams,
    AnyParams,
    ColorSpace,
    HdbscanParams,
    KMeansParams,
    OpticsParams,
)
from shared.contract.selection import ExcludedColor
from worker.clustering import cluster
from worker.color.counting import count_colors
from worker.color.difference import resembles
from worker.color.scaling import scale_down
from worker.kernels import qoi
from worker.progress import Meter
from worker.rendering.label_png import label_png

# Other ways through the same algorithms, with kernels of their own.
VARIANTS: tuple[AnyParams, ...] = (
    KMeansParams(init=[[0, 0, 0], [0, 0, 0]]),  # of two equal centres one is left without a colour
    HdbscanParams(cluster_selection_method="leaf"),
    OpticsParams(cluster_method="xi"),
    OpticsParams(cluster_method="dbscan", eps=50),
    AgglomerativeParams(linkage="single"),
    AgglomerativeParams(linkage="complete"),
)


def warm_up() -> float:
    """Run each algorithm once on a small image; the seconds that it took."""
    begin = time.perf_counter()
    _count()
    for algorithm in MODELS:
        _cluster(algorithm)
    return time.perf_counter() - begin


def _count() -> None:
    """What stands before every algorithm, and behind it."""
    random = np.random.default_rng(0)
    # Label maps of small images are found in another way than those of large ones.
    for side in (24, 300):
        for channels in (3, 4):
            colors = count_colors(random.integers(0, 256, (side, side, channels), np.uint8))
            for dtype in (np.int32, np.int16):
                labels = colors.label_map(np.zeros(len(colors), dtype))
    label_png(labels, np.zeros((1, 3), np.uint8))
    resembles(colors.colors, [ExcludedColor(color="#ffffff", tolerance=1)])
    qoi.unpack(np.frombuffer(b"\xfe\0\0\0", np.uint8), np.empty((1, 4), np.uint8))  # read-only, as a file's bytes are
    scale_down(np.zeros((2, 2, 3), np.uint8), 1, Meter())


def _cluster(algorithm: str) -> None:
    """All ways through one algorithm that have kernels of their own."""
    colors = count_colors(np.random.default_rng(0).integers(0, 256, (24, 24, 4), np.uint8))
    spaces: tuple[ColorSpace, ...] = ("rgb", "lab")
    for space in spaces:
        points = colors.points(space)
        cluster(points, MODELS[algorithm](color_space=space))
    for params in VARIANTS:
        if params.algorithm == algorithm:
            cluster(points, params)


def main() -> int:
    begin = time.perf_counter()
    # numba compiles on one core, and HDBSCAN's kernels are half of its work. OPTICS comes last: what it shares with
    # HDBSCAN has been kept on disk by then. What both compile all the same has the same types: on disk it is one entry.
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        half = pool.submit(_cluster, "hdbscan")
        _count()
        for algorithm in ("kmeans", "agglomerative", "optics"):
            _cluster(algorithm)
        half.result()
    sys.stdout.write(f"kernels are ready ({time.perf_counter() - begin:.1f} s)\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
