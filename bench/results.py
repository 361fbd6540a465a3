"""What is said of a result beside scikit-learn, and what a range of numbers costs: `python -m bench.results [FOLDER]`.

Silhouettes, the measures of a painted picture, a palette given, and the sweep over numbers of clusters against the run
at the largest of them. Timed are the calls on counted colours; counting and decoding are not.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from sklearn.datasets import load_sample_images
from sklearn.metrics import silhouette_score

from bench import common
from bench.common import Row, Work, measure, row
from shared.contract.params import AgglomerativeParams, KMeansParams
from worker.clustering import cluster
from worker.clustering.agglomerative.engine import grow
from worker.clustering.assign.engine import assign
from worker.clustering.choose_k import choose, frames_on
from worker.clustering.kmeans import engine
from worker.clustering.kmeans.grids import grid_levels
from worker.color.counting import ColorSet, count_colors
from worker.color.points import Points
from worker.color.spaces import centers_to_srgb, resolution
from worker.progress import Meter
from worker.quality.indices import indices
from worker.quality.labelings import add_up, label
from worker.quality.members import positions, spreads
from worker.quality.picture import differences, painted
from worker.quality.silhouette import Silhouette, silhouettes
from worker.warmup import warm_up

CHINA = Path(load_sample_images().filenames[0])
SMALL = (272, 185)  # 50,320 pixels, 31,828 colours
NUMBERS = range(2, 16)
COLORS = 480_000  # of a photograph of 10 megapixels


def colors_of(path: Path, size: tuple[int, int] | None = None) -> ColorSet:
    warm_up()
    image = Image.open(path).convert("RGB")
    return count_colors(np.asarray(image.resize(size) if size else image))


def labels_of(points: Points, number: int) -> NDArray[np.int32]:
    return cluster(points, KMeansParams(n_clusters=number)).labels


def silhouettes_of(points: Points, labelings: Sequence[NDArray[np.int32]], numbers: Sequence[int]) -> list[Silhouette]:
    meter = Meter()
    labelled = label(points, labelings, numbers)
    return silhouettes(labelled, add_up(labelled, meter), meter)


def huemill_silhouettes(path: Path, size: tuple[int, int] | None, numbers: Sequence[int]) -> Work:
    """From labels to values: all that is done for it. Gives them, with error and size of the sample."""
    points = colors_of(path, size).points()
    labelings = [labels_of(points, number) for number in numbers]

    def work() -> list[tuple[float | None, float, int]]:
        return [(one.value, one.error, one.sample) for one in silhouettes_of(points, labelings, numbers)]

    return work


def scikit_learn_silhouette(path: Path, size: tuple[int, int], number: int) -> Work:
    """Of all pixels, for one number of clusters."""
    points = colors_of(path, size).points()
    pixels = np.repeat(points.coords, points.weights, axis=0)
    labels = np.repeat(labels_of(points, number), points.weights)
    return lambda: float(silhouette_score(pixels, labels))


def run(path: Path, params: Any, measured: bool) -> Work:
    """A run of one number of clusters; with all measures of its curve if so."""
    points = colors_of(path).points()

    def work() -> int:
        found = cluster(points, params)
        if measured:
            labelled = label(points, [found.labels], [len(found.centers)])
            sums = add_up(labelled, Meter())
            silhouettes(labelled, sums, Meter())
            indices(labelled, sums, resolution(points))
        return len(points)

    return work


def swept(path: Path, params: Any, measured: bool) -> Work:
    """All numbers and the one chosen; without measures: all numbers and the largest, from one preparation."""
    points = colors_of(path).points()

    def work() -> int:
        meter = Meter()
        if measured:
            return choose(points, params, NUMBERS, None, meter)[1].chosen
        if isinstance(params, AgglomerativeParams):
            tree = grow(points, params.linkage, meter)
            label(points, (tree.labels(len(points) - number) for number in NUMBERS), NUMBERS)
            tree.clustering(len(points) - NUMBERS[-1])
        else:
            levels, given = grid_levels(points, meter), np.empty((0, 3))
            frames_on(levels, points, params, NUMBERS, given, meter)
            engine.run_on(levels, points, params, given, meter)
        return 0

    return work


def random_colors() -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.int32], NDArray[np.uint8]]:
    """Colours, counts, labels and the palette of an image of many colours."""
    warm_up()
    random = np.random.default_rng(0)
    keys = random.choice(1 << 24, COLORS, replace=False)
    colors = np.column_stack([keys >> 16, keys >> 8 & 255, keys & 255]).astype(np.uint8)
    palette = random.integers(0, 256, (8, 3)).astype(np.uint8)
    return colors, random.integers(1, 40, COLORS), random.integers(0, 8, COLORS).astype(np.int32), palette


def huemill_painted() -> Work:
    colors, counts, labels, palette = random_colors()

    def work() -> float:
        apart = differences(colors, labels, palette, Meter())
        spreads(apart, counts, labels, len(palette))
        found = painted(colors, counts, labels, palette, apart)
        assert found is not None
        return found.delta_e.mean

    return work


def huemill_positions(path: Path) -> Work:
    colors = colors_of(path)
    label_map = colors.label_map(labels_of(colors.points(), 8).astype(np.int16))
    return lambda: float(positions(label_map, 8, Meter())[0, 0])


def huemill_assign(path: Path, entries: int) -> Work:
    points = colors_of(path).points()
    palette = centers_to_srgb(points, cluster(points, KMeansParams(n_clusters=entries)).centers).tolist()
    return lambda: int(assign(points, palette, "ciede2000", Meter()).labels[0])


def rows(images: Path) -> Iterator[Row]:
    kleiber = images / "kleiber_20mp.jpg"
    numbers = range(2, 10)
    ours = measure(huemill_silhouettes, CHINA, SMALL, numbers)
    theirs = measure(scikit_learn_silhouette, CHINA, SMALL, 9, repeat=1, warm=False)
    apart = abs(ours.value[-1][0] - theirs.value)
    yield row(
        "silhouettes of k = 2..9, 50,320 pixels", ours, "scikit-learn, k = 9", theirs, "20 x", f"apart {apart:.0e}"
    )
    for some in ([8], NUMBERS):
        found = measure(huemill_silhouettes, kleiber, None, some)
        case = f"silhouettes of k = {some[0]}..{some[-1]}, kleiber_20mp.jpg"
        worst = max(error for _, error, _ in found.value)
        note = f"{found.value[0][2]:,} pixels, 95 % error up to {worst:.5f}"
        yield Row(case, found.seconds, huemill_peak_mb=found.peak_mb, aim="1 s", note=note)

    painting = measure(huemill_painted)
    yield Row(f"Delta E 2000, mse, percentile, spread: {COLORS:,} colours", painting.seconds)
    yield Row("positions of 8 clusters, kleiber_20mp.jpg", measure(huemill_positions, kleiber).seconds)
    yield Row("assign, 256 entries, kleiber_20mp.jpg", measure(huemill_assign, kleiber, 256).seconds, aim="1 s")

    for params in (KMeansParams(n_clusters=NUMBERS[-1]), AgglomerativeParams(n_clusters=NUMBERS[-1])):
        for measured in (False, True):
            for path in (CHINA, images / "macaws.png", images / "lights.png", kleiber):
                sweep, one = (measure(prepare, path, params, measured, repeat=9) for prepare in (swept, run))
                case = f"{params.algorithm}, k = 2..15, {path.name}{', with all measures' * measured}"
                longer = f"{sweep.seconds / one.seconds:.2f} times as long"
                note = f"{longer}, {sweep.cpu_seconds / one.cpu_seconds:.2f} times the processor time"
                yield Row(case, sweep.seconds, "the run at 15", one.seconds, aim="4 times as long", note=note)


if __name__ == "__main__":
    common.main(rows)
