"""Agglomerative clustering beside its peers: `python -m bench.agglomerative [FOLDER OF IMAGES]`.

Timed is the whole way from the pixels to every pixel's label; decoding is not. The peers get every pixel: none of
them takes weights.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fastcluster
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.cluster.hierarchy import linkage
from sklearn.cluster import AgglomerativeClustering
from sklearn.datasets import load_sample_images

from bench import common
from bench.common import Measure, Row, Work, measure, row
from shared.contract.params import AgglomerativeParams
from worker.clustering import cluster
from worker.color.counting import count_colors
from worker.color.points import Points
from worker.warmup import warm_up

CHINA = Path(load_sample_images().filenames[0])
SMALL = (272, 185)  # 50,320 pixels
SMALLER = (150, 100)  # 15,000 pixels: the peers take 0.9 GB for their distances


def pixels_of(path: Path, size: tuple[int, int] | None) -> NDArray[np.uint8]:
    image = Image.open(path).convert("RGB")
    return np.asarray(image.resize(size) if size else image)


def huemill(path: Path, size: tuple[int, int] | None, method: str) -> Work:
    """Counting, clustering, label map; gives the number of colours."""
    warm_up()
    pixels = pixels_of(path, size)

    def work() -> int:
        colors = count_colors(pixels)
        found = cluster(colors.points(), AgglomerativeParams(linkage=method))
        colors.label_map(found.labels.astype(np.int16))
        return len(colors)

    return work


def huemill_random(size: int) -> Work:
    """Random colours, a pixel each; clustering alone."""
    warm_up()
    keys = np.random.default_rng(0).choice(1 << 24, size, replace=False)
    coords = np.column_stack([keys >> 16, keys >> 8 & 255, keys & 255]).astype(np.float64)
    points = Points(coords, np.ones(size, np.int64), np.arange(size))

    def work() -> int:
        return len(cluster(points, AgglomerativeParams()).centers)

    return work


def scikit_learn(path: Path, size: tuple[int, int] | None, method: str) -> Work:
    pixels = pixels_of(path, size).reshape(-1, 3).astype(np.float64)
    return lambda: len(AgglomerativeClustering(5, linkage=method).fit(pixels).labels_)


def scipy(path: Path, size: tuple[int, int] | None, method: str) -> Work:
    pixels = pixels_of(path, size).reshape(-1, 3).astype(np.float64)
    return lambda: len(linkage(pixels, method))


def fast_cluster(path: Path, size: tuple[int, int] | None, method: str) -> Work:
    """Its form for vectors, which takes memory linear in the pixels; there is none for complete and average."""
    pixels = pixels_of(path, size).reshape(-1, 3).astype(np.float64)
    if method in ("ward", "single"):
        return lambda: len(fastcluster.linkage_vector(pixels, method))
    return lambda: len(fastcluster.linkage(pixels, method))


def alone(case: str, ours: Measure, aim: str = "") -> Row:
    """A row without a peer: none finishes."""
    return Row(case, ours.seconds, huemill_peak_mb=ours.peak_mb, aim=aim, note=f"{ours.value:,} colours")


def rows(images: Path) -> Iterator[Row]:
    ours = measure(huemill, CHINA, SMALL, "ward")
    for name, peer in (("scikit-learn", scikit_learn), ("fastcluster, vectors", fast_cluster)):
        aim = "600 x, memory 1/100" if peer is scikit_learn else ""
        theirs = measure(peer, CHINA, SMALL, "ward", repeat=1, warm=False)
        yield row("ward, 50,320 pixels", ours, name, theirs, aim, f"{ours.value:,} colours")
    yield alone("ward, china.jpg, 273,280 pixels", measure(huemill, CHINA, None, "ward"))
    kleiber: tuple[Any, ...] = (images / "kleiber_20mp.jpg", None)
    yield alone("ward, kleiber_20mp.jpg", measure(huemill, *kleiber, "ward"), "3 s")
    yield alone("single, kleiber_20mp.jpg", measure(huemill, *kleiber, "single"))
    for size in (10**5, 10**6):
        once = measure(huemill_random, size, repeat=1, warm=False)
        yield Row(f"ward, {size:,} random colours", once.seconds, huemill_peak_mb=once.peak_mb, aim="finishes")
    for method in ("ward", "single", "complete", "average"):
        ours = measure(huemill, CHINA, SMALLER, method)
        for name, peer in (("scikit-learn", scikit_learn), ("scipy", scipy), ("fastcluster", fast_cluster)):
            theirs = measure(peer, CHINA, SMALLER, method, repeat=1)
            yield row(f"{method}, 15,000 pixels", ours, name, theirs, note=f"{ours.value:,} colours")


if __name__ == "__main__":
    common.main(rows)
