"""A given palette: every colour to the entry that is nearest to it."""

from collections.abc import Callable, Sequence
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from worker.clustering.assign.details import AssignDetails
from worker.clustering.base import Clustering
from worker.color import spaces
from worker.color.points import Points
from worker.kernels import assign as kernels
from worker.kernels import read_only
from worker.progress import Meter, run_here

Metric = Literal["ciede2000", "euclidean"]
METRICS: tuple[Metric, ...] = get_args(Metric)

# Below so many pairs of a colour and an entry other threads cost more than they save.
_WORTH_THREADS = 1 << 17


def assign(points: Points, palette: Sequence[Sequence[float]], metric: Metric, meter: Meter) -> Clustering:
    """Label i is entry i of `palette`, sRGB colours (0..255), also where it has no pixel; among equals the first wins.

    By `ciede2000`, whatever the space of the points, or by the Euclidean distance in it, standardised or not. The
    centres are the entries themselves. O(U k), and exact: what is left out is only what cannot be the nearest.
    """
    srgb = np.array(palette, np.float64).reshape(-1, 3)
    centers = spaces.centers_from_srgb(points, srgb)
    kernel: Callable[..., None]
    if metric == "euclidean":
        kernel, arrays = kernels.by_square, (points.coords, read_only(centers))
    else:
        kernel, arrays = kernels.by_difference, (_lab_of(points), read_only(spaces.from_srgb(srgb, "lab")))
    labels = np.empty(len(points), np.int32)
    if len(points) * len(centers) < _WORTH_THREADS:
        run_here(kernel, [(0, len(points), *arrays, labels)])
    else:
        meter.run_ranges(kernel, len(points), *arrays, labels)
    return Clustering(labels, centers, AssignDetails(metric, len(centers) - len(np.unique(labels))))


def _lab_of(points: Points) -> NDArray[np.float64]:
    """The points' colours, which are bytes, in CIELAB."""
    colors = np.rint(spaces.centers_to_srgb(points, points.coords)).astype(np.uint8)
    return read_only(spaces.from_srgb(colors, "lab"))
