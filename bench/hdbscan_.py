"""HDBSCAN: huemill beside hdbscan and fast_hdbscan on all pixels, and alone where no peer comes to an end.

Every call is whole: counting, clustering, a label for every colour. The peers get the pixels as they are, since hdbscan
takes no weights and fast_hdbscan's `sample_weight` means something else. hdbscan runs in one process: those that it
would start for its core distances gain it a tenth, and hang inside of a measuring process.
"""

import math
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fast_hdbscan
import hdbscan
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from sklearn.datasets import load_sample_image

from bench.common import Measure, Row, Work, main, measure, row
from shared.contract.params import HdbscanParams
from worker.clustering import cluster
from worker.color.counting import count_colors
from worker.color.points import Points
from worker.warmup import warm_up

MIN_SAMPLES = 50


def pixels_of(image: str) -> NDArray[np.uint8]:
    if image.startswith("china"):
        return np.ascontiguousarray(load_sample_image("china.jpg"))
    Image.MAX_IMAGE_PIXELS = None
    return np.asarray(Image.open(image).convert("RGB"))


def huemill(image: str, params: dict[str, Any]) -> Work:
    warm_up()
    pixels = pixels_of(image)

    def work() -> int:
        colors = count_colors(pixels)
        found = cluster(colors.points(), HdbscanParams(**params))
        colors.label_map(found.labels)
        return len(found.centers)

    return work


def huemill_random(size: int, params: dict[str, Any]) -> Work:
    """`size` distinct random colours of one pixel each."""
    warm_up()
    keys = np.random.default_rng(0).choice(2**24, size, replace=False)
    coords = np.column_stack([keys >> 16, keys >> 8 & 255, keys & 255]).astype(np.float64)
    points = Points(coords, np.ones(size, np.int64), np.arange(size))
    return lambda: len(cluster(points, HdbscanParams(**params)).centers)


def peer(package: str, image: str) -> Work:
    coords = pixels_of(image).reshape(-1, 3).astype(np.float64)
    warnings.simplefilter("ignore")
    sizes = {"min_samples": MIN_SAMPLES, "min_cluster_size": len(coords) // 100}
    model = hdbscan.HDBSCAN(**sizes, core_dist_n_jobs=1) if package == "hdbscan" else fast_hdbscan.HDBSCAN(**sizes)
    return lambda: int(model.fit(coords).labels_.max()) + 1


def alone(case: str, ours: Measure, aim: str, note: str = "") -> Row:
    return Row(case, ours.seconds, huemill_peak_mb=ours.peak_mb, aim=aim, note=note or f"{ours.value} clusters")


def rows(images: Path) -> Iterator[Row]:
    """The table of HDBSCAN."""
    few = {"min_samples": MIN_SAMPLES}
    ours = measure(huemill, "china", few)
    for package in ("hdbscan", "fast_hdbscan"):
        theirs = measure(peer, package, "china", repeat=1, warm=package == "fast_hdbscan")
        note = f"{ours.value} and {theirs.value} clusters"
        yield row("china.jpg, 273,280 pixels, min_samples 50", ours, package, theirs, "20 x", note)
    large = str(images / "kleiber_20mp.jpg")
    yield alone("kleiber_20mp.jpg, min_samples 50", measure(huemill, large, few), "2 s")
    yield alone("kleiber_20mp.jpg, both 50", measure(huemill, large, {**few, "min_cluster_size": MIN_SAMPLES}), "")
    yield alone("kleiber_20mp.jpg, default shares", measure(huemill, large, {}), "3 s")
    seconds = []
    for size in (10**5, 10**6):
        ours = measure(huemill_random, size, few, repeat=1, warm=size < 10**6)
        seconds.append(ours.seconds)
        note = f"grows as U^{math.log10(seconds[1] / seconds[0]):.2f}" if len(seconds) == 2 else ""
        yield alone(f"{size:,} random colours, min_samples 50", ours, "finishes", note)


if __name__ == "__main__":
    main(rows)
