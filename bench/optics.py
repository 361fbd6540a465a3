"""OPTICS beside scikit-learn: `python -m bench.optics [FOLDER OF IMAGES]`.

Timed is the whole way from the pixels to every pixel's label; decoding is not. scikit-learn gets every pixel: it
takes no weights. The peer's large cases are left out: its time is quadratic.
"""

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from sklearn.cluster import OPTICS
from sklearn.datasets import load_sample_images

from bench import common
from bench.common import Row, Work, measure, row
from shared.contract.params import OpticsParams
from worker.clustering import cluster
from worker.color.counting import count_colors
from worker.color.points import Points
from worker.warmup import warm_up

CHINA = Path(load_sample_images().filenames[0])
SMALL = (272, 185)  # 50,320 pixels
Value = list[int]


def pixels_of(path: Path, size: tuple[int, int] | None) -> NDArray[np.uint8]:
    image = Image.open(path).convert("RGB")
    return np.asarray(image.resize(size) if size else image)


def huemill(path: Path, size: tuple[int, int] | None, min_samples: float) -> Work:
    """Counting, clustering, label map; gives the first visits, as pixels."""
    warm_up()
    pixels = pixels_of(path, size)

    def work() -> Value:
        colors = count_colors(pixels)
        found = cluster(colors.points(), OpticsParams(min_samples=min_samples))
        colors.label_map(found.labels.astype(np.int16))
        return colors.first[found.details.ordering].tolist()

    return work


def huemill_random(size: int) -> Work:
    """Random colours, a pixel each; clustering alone."""
    warm_up()
    keys = np.random.default_rng(0).choice(1 << 24, size, replace=False)
    coords = np.column_stack([keys >> 16, keys >> 8 & 255, keys & 255]).astype(np.float64)
    points = Points(coords, np.ones(size, np.int64), np.arange(size))
    return lambda: len(cluster(points, OpticsParams(min_samples=50)).centers)


def scikit_learn(path: Path, size: tuple[int, int] | None, min_samples: int) -> Work:
    pixels = pixels_of(path, size).reshape(-1, 3).astype(np.float64)

    def work() -> Value:
        with np.errstate(divide="ignore", invalid="ignore"):  # copies have reachability 0
            return OPTICS(min_samples=min_samples).fit(pixels).ordering_.tolist()

    return work


def rows(images: Path) -> Iterator[Row]:
    ours = measure(huemill, CHINA, SMALL, 50)
    theirs = measure(scikit_learn, CHINA, SMALL, 50, repeat=1, warm=False)
    firsts = set(ours.value)
    same = ours.value == [pixel for pixel in theirs.value if pixel in firsts]
    note = f"{len(firsts)} colours; first visits {'identical' if same else 'DIFFER'}"
    yield row("50,320 pixels, min_samples 50", ours, "scikit-learn", theirs, "200 x", note)

    large = images / "kleiber_20mp.jpg"
    for name, min_samples, aim in (("min_samples 50", 50, "2 s"), ("default shares", 0.003, "3 s")):
        ours = measure(huemill, large, None, min_samples)
        note = f"{len(ours.value)} colours, CPU {ours.cpu_seconds:.2f} s"
        yield Row(f"20.4 MP, {name}", ours.seconds, huemill_peak_mb=ours.peak_mb, aim=aim, note=note)

    seconds = []
    for size in (100_000, 1_000_000):
        ours = measure(huemill_random, size, repeat=1)
        seconds.append(ours.cpu_seconds)
        note = f"CPU {ours.cpu_seconds:.2f} s"
        if len(seconds) > 1:
            note += f"; time grows as U^{math.log10(seconds[1] / seconds[0]):.2f} from 100,000"
        case = f"{size:,} random colours, min_samples 50"
        yield Row(case, ours.seconds, huemill_peak_mb=ours.peak_mb, aim="finishes", note=note)


if __name__ == "__main__":
    common.main(rows)
