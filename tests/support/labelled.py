"""Labels for points, and measures of them, for tests of the quality."""

import numpy as np
from numpy.typing import NDArray

from worker.color.points import Points
from worker.progress import Meter
from worker.quality.labelings import Labelled, Sums, add_up, label
from worker.quality.silhouette import Silhouette, silhouettes


def nearest_of(points: Points, clusters: int, seed: int = 0) -> NDArray[np.int32]:
    """Labels by the nearest of so many of the points: clusters as they might be, none of them empty."""
    centers = points.coords[np.random.default_rng(seed).choice(len(points), clusters, replace=False)]
    return ((points.coords[:, None] - centers) ** 2).sum(axis=2).argmin(axis=1).astype(np.int32)


def with_noise(labels: NDArray[np.int32], every: int = 7) -> NDArray[np.int32]:
    """The labels, but for each `every`-th point, which is noise."""
    return np.where(np.arange(len(labels)) % every == 3, -1, labels).astype(np.int32)


def summed(points: Points, *labelings: NDArray[np.int32], threads: int | None = None) -> tuple[Labelled, Sums]:
    """What all measures begin with; as many clusters as the highest label says."""
    labelled = label(points, labelings, [int(labels.max()) + 1 for labels in labelings])
    return labelled, add_up(labelled, Meter(threads=threads))


def silhouettes_of(points: Points, *labelings: NDArray[np.int32], threads: int | None = None) -> list[Silhouette]:
    """The exact silhouettes."""
    return silhouettes(*summed(points, *labelings, threads=threads), Meter(threads=threads))


def bytes_of(points: Points) -> Points:
    """The same in whole numbers: of other copies, scikit-learn takes rounding errors for distances, up to 1e-6."""
    return Points(np.rint(points.coords), points.weights, points.first)


def in_fifths(points: Points) -> Points:
    """The same pixels, counted in fifths."""
    return Points(points.coords, 5 * points.weights, points.first, points.space, units=5)
