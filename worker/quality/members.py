"""What the colours and pixels of a cluster say of it: medoid, mode, spread, position."""

from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from worker.color.points import Points
from worker.kernels import members as kernels
from worker.kernels import read_only
from worker.progress import Meter, run_here

Floats = NDArray[np.float64]

# Below so many pixels other threads cost more than they save.
_WORTH_THREADS = 1 << 19


class Chosen(NamedTuple):
    """Colours that stand for their clusters: indices of points, -1 for a cluster that has none."""

    medoids: NDArray[np.int64]  # [k]: nearest to the centre, Euclidean in the space of the clustering
    modes: NDArray[np.int64]  # [k]: of the most pixels


def choose(points: Points, counts: NDArray[np.int64], labels: NDArray[np.int32], centers: Floats) -> Chosen:
    """The medoid and the mode of each cluster, among its own colours; of equals the first in raster order.

    `counts` i64[U]: the pixels of each colour; `labels` i32[U], negative ones are noise; `centers` f64[k, 3] in the
    space of `points`. So a medoid is a colour of the image, where a centre may be none.
    """
    chosen = Chosen(np.empty(len(centers), np.int64), np.empty(len(centers), np.int64))
    arrays = (points.coords, read_only(counts), points.first, read_only(labels), read_only(centers))
    kernels.choose(*arrays, *chosen)
    return chosen


def spreads(
    differences: Floats, counts: NDArray[np.int64], labels: NDArray[np.int32], clusters: int
) -> NDArray[np.float64]:
    """The root mean square of the `differences` (Delta E 2000) of each cluster's pixels to its colour, f64[clusters].

    `differences` f64[U] as `worker.quality.picture.differences` gives them; NaN for a cluster without a pixel.
    """
    inside = labels >= 0
    pixels = np.bincount(labels[inside], counts[inside], clusters)
    squares = np.bincount(labels[inside], counts[inside] * differences[inside] ** 2, clusters)
    return np.sqrt(squares / np.where(pixels > 0, pixels, np.nan))


def positions(label_map: NDArray[Any], clusters: int, meter: Meter) -> Floats:
    """The mean place (x, y) of each cluster's pixels, f64[clusters, 2], as fractions of the picture's width and height.

    `label_map` int[h, w]; a pixel's place is its middle. NaN for a cluster without a pixel. The sums are whole numbers,
    so that the number of threads changes nothing.
    """
    label_map = read_only(label_map)
    height, width = label_map.shape
    if height * width < _WORTH_THREADS:
        sums = np.zeros((1, clusters, 3), np.int64)
        run_here(kernels.add_places, [(0, height, label_map, sums[0])])
    else:
        bounds = np.linspace(0, height, meter.threads + 1).astype(int).tolist()
        sums = np.zeros((meter.threads, clusters, 3), np.int64)
        calls = [(*span, label_map, part) for span, part in zip(pairwise(bounds), sums, strict=True)]
        meter.run_all(kernels.add_places, calls, height)
    total = sums.sum(axis=0)
    pixels = np.where(total[:, 2] > 0, total[:, 2], np.nan)
    places: Floats = (total[:, :2] / pixels[:, None] + 0.5) / (width, height)
    return places
