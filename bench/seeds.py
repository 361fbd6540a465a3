"""KMeans from chance beside those who search for better minima: `python -m bench.seeds [FOLDER OF IMAGES]`.

Of each picture and number of clusters, how far above the best of 64 seeds the others end, `n_init` 16; and the mean
squared errors and times of FLS++ (Conrads et al. 2024) and breathing k-means (Fritzke 2020) beside ours, in one run.
Clustered are the counted colours: huemill's and FLS++'s with their counts, breathing k-means', which counts every point
once where it looks for centres, as pixels of the picture at a sixteenth of its size, where ours and FLS++'s are judged
as well. flspp asks for a numpy below 2, and does not need it: `pip install --no-deps flspp bkmeans`.
"""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bench import common
from bench.common import Row, Work, measure, row
from shared.contract.params import KMeansParams
from worker.clustering import cluster
from worker.color.counting import count_colors
from worker.warmup import warm_up

SIZES = (4, 8, 16, 64)
STARTS, SEEDS, PEERS_SEEDS = 16, 64, 5
NEAR = 1.002  # of the best


def pixels_of(path: Path, reduce: int) -> NDArray[np.uint8]:
    return np.asarray(Image.open(path).convert("RGB").reduce(reduce))


def huemill(path: Path, reduce: int, size: int) -> Work:
    """Each call takes the next seed; gives the mean squared errors of all calls."""
    warm_up()
    points = count_colors(pixels_of(path, reduce)).points()
    seeds, errors = count(), []

    def work() -> list[float]:
        params = KMeansParams(n_clusters=size, n_init=STARTS, seed=next(seeds))
        errors.append(cluster(points, params).details.inertia / points.pixels)
        return errors

    return work


def fls(path: Path, reduce: int, size: int) -> Work:
    from flspp import FLSpp

    points = count_colors(pixels_of(path, reduce)).points()
    seeds, errors = count(1), []

    def work() -> list[float]:
        found = FLSpp(size, random_state=next(seeds)).fit(points.coords, sample_weight=points.weights)
        errors.append(found.inertia_ / points.pixels)
        return errors

    return work


def breathing(path: Path, reduce: int, size: int) -> Work:
    from bkmeans import BKMeans

    pixels = pixels_of(path, reduce).reshape(-1, 3).astype(np.float64)
    seeds, errors = count(), []

    def work() -> list[float]:
        found = BKMeans(n_clusters=size, random_state=next(seeds)).fit(pixels)
        errors.append(found.inertia_ / len(pixels))
        return errors

    return work


def rows(images: Path) -> Iterator[Row]:
    above, worst = 0, 1.0
    pictures = sorted(images.glob("*.png"))
    for path in pictures:
        for size in SIZES:
            ours = measure(huemill, path, 1, size, repeat=SEEDS, warm=False)
            excess = np.array(ours.value) / min(ours.value)
            above, worst = above + int((excess > NEAR).sum()), max(worst, excess.max())
            spread = f"{(excess > NEAR).mean():.0%} of {SEEDS} seeds above {NEAR}, worst {excess.max():.4f}"
            theirs = measure(fls, path, 1, size, repeat=PEERS_SEEDS, warm=False)
            yield row(f"{path.name}, k = {size}", ours, "FLS++", theirs, note=f"{spread}; {_errors(ours, theirs)}")
    total = len(pictures) * len(SIZES) * SEEDS
    yield Row("all of them", float("nan"), aim="5 %, 1.01", note=f"{above / total:.0%} above {NEAR}, worst {worst:.4f}")
    for path in pictures:
        ours = measure(huemill, path, 4, 16, repeat=PEERS_SEEDS, warm=False)
        for peer, prepare in {"FLS++": fls, "breathing k-means": breathing}.items():
            theirs = measure(prepare, path, 4, 16, repeat=PEERS_SEEDS, warm=False)
            yield row(f"{path.name} at 1/16, k = 16", ours, peer, theirs, note=_errors(ours, theirs))


def _errors(ours: common.Measure, theirs: common.Measure) -> str:
    return f"mean MSE {np.mean(ours.value):.3f}, peer {np.mean(theirs.value):.3f}"


if __name__ == "__main__":
    common.main(rows)
