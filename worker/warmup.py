"""Compile the kernels of every method and output, or load them from the cache: `python -m worker.warmup`."""

import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np

from shared.contract.outputs import Recolor
from shared.contract.params import AgglomerativeParams, ColorSpace, KMeansParams, parse_params
from shared.contract.results import FoundImage
from shared.contract.selection import ExcludedColor
from worker.clustering import NOISE, choose_k, cluster
from worker.clustering.assign.engine import METRICS, assign
from worker.clustering.registry import METHODS, method_of
from worker.color.counting import ColorSet, count_colors
from worker.color.difference import resembles
from worker.color.scaling import scale_down
from worker.decoding.decode import Raster
from worker.kernels import bmp, png, qoi
from worker.progress import Meter
from worker.quality import members
from worker.quality.accent import accents
from worker.quality.labelings import add_up, label
from worker.quality.picture import differences, painted
from worker.quality.silhouette import silhouettes
from worker.rendering.painting import Painting
from worker.rendering.registry import OUTPUTS, draw_all
from worker.segmentation import Segmentation, label_pixels

# numba compiles on one core. The first of these is half of the work; the second shares much with it.
_LONGEST, _LIKE_IT = "hdbscan", "optics"
# Outputs that have no kernels, but packages that a worker loads when they are first asked for.
_WITHOUT_KERNELS = {"points", "scatter", "plot", "sweep"}
_NEEDED = {"assign": {"palette": ["#000000", "#ffffff"]}}  # what has no default


def warm_up() -> float:
    """Run each method and output once on a small image; the seconds that it took."""
    begin = time.perf_counter()
    _count()
    for algorithm in METHODS:
        _cluster(algorithm)
    _measure()
    _draw()
    return time.perf_counter() - begin


def _count() -> None:
    """What stands before every method, and the label maps behind it."""
    # Label maps of small images are found in another way than those of large ones.
    for side in (24, 300):
        for channels in (3, 4):
            colors = _colors(side, channels)
            for dtype in (np.int32, np.int16):
                colors.label_map(np.zeros(len(colors), dtype))
    resembles(colors.colors, [ExcludedColor(color="#ffffff", tolerance=1)])
    stored = np.frombuffer(b"\xfe\0\0\0", np.uint8)  # read-only, as a file's bytes are
    qoi.unpack(stored, np.empty((1, 4), np.uint8))
    png.unfilter(stored[2:], 1, 0, np.empty((1, 1), np.uint8))
    bmp.unpack(stored, 0, False, np.empty((1, 1), np.uint8), np.empty((1, 1), np.bool_))
    scale_down(np.zeros((2, 2, 3), np.uint8), 1, Meter())


def _cluster(algorithm: str) -> None:
    """All ways through one method that have kernels of their own."""
    colors = _colors(24, 4)
    spaces: tuple[ColorSpace, ...] = ("rgb", "lab")
    for space in spaces:
        points = colors.points(space)
        cluster(points, parse_params({**_NEEDED.get(algorithm, {}), "algorithm": algorithm, "color_space": space}))
        for params in method_of(algorithm).variants:
            cluster(points, params)


def _measure() -> None:
    """A number of clusters chosen, a palette given, and all that is said of a clustering."""
    colors, meter = _colors(24, 4), Meter()
    points = colors.points()
    for params in (KMeansParams(), AgglomerativeParams()):
        choose_k.choose(points, params, range(2, 4), None, meter)
    palette = np.array([[0, 0, 0], [255, 255, 255]], np.uint8)
    for metric in METRICS:
        given = assign(points, palette.tolist(), metric, meter)
    labels = np.where(np.arange(len(points)) % 9, given.labels, NOISE).astype(np.int32)
    members.choose(points, colors.counts, labels, given.centers)
    apart = differences(colors.colors, labels, palette, meter)
    painted(colors.colors, colors.counts, labels, palette, apart)
    accents(palette, np.full(2, 0.5))
    labelled = label(points, [labels], [2])
    silhouettes(labelled, add_up(labelled, meter), meter, exact_colors=1, sample=2)
    for dtype in (np.int32, np.int16):
        members.positions(colors.label_map(labels.astype(dtype)), 2, meter)


def _draw() -> None:
    """Every output that has kernels, of an image of two clusters, with and without error diffusion."""
    colors = _colors(24, 4)
    points = colors.points()
    raster = Raster(colors.image, FoundImage(format="png", mode="RGBA", bits=8))
    for recolor in (Recolor(), Recolor(dither=True)):
        params = KMeansParams(n_clusters=2, recolor=recolor)
        clustering = cluster(points, params)
        labels = label_pixels(colors, clustering, None)
        drawn = [name for name in OUTPUTS if name not in _WITHOUT_KERNELS]
        draw_all(drawn, Segmentation(params, raster, colors, points, clustering, labels), Meter())
    # Labels have so many bits where there are more than 32,767 clusters.
    Painting(labels.astype(np.int32), colors.image, np.zeros((2, 3), np.uint8)).dithered(Meter()).pixels()


def _colors(side: int, channels: int) -> ColorSet:
    return count_colors(np.random.default_rng(0).integers(0, 256, (side, side, channels), np.uint8))


def main() -> int:
    begin = time.perf_counter()
    # What is like the longest comes last: what they share has been kept on disk by then. What both processes compile
    # all the same has the same types: on disk it is one entry.
    order = [algorithm for algorithm in METHODS if algorithm not in (_LONGEST, _LIKE_IT)]
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        half = pool.submit(_cluster, _LONGEST)
        _count()
        for algorithm in [*order, _LIKE_IT]:
            _cluster(algorithm)
        _measure()
        _draw()
        half.result()
    sys.stdout.write(f"kernels are ready ({time.perf_counter() - begin:.1f} s)\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
