"""The reference engine: scikit-learn and hdbscan on the pixels themselves, to hold the exact engine against.

The pixels are the colours in the order of their first pixels, each repeated as often as it counts: where the peers
break ties by the lowest index, the first pixel of a colour decides, as it does in the image. A colour whose pixels
the peer gives several labels gets the one that most of them have, of several the lowest.

The packages cannot be told to stop and do not say how far they are: progress stands still while they run.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from importlib import import_module
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from shared.contract.errors import FieldError, InvalidParams
from shared.contract.params import AnyParams, check_reference_size
from worker.clustering.base import NOISE, Answer, Clustering, Pixels
from worker.color.points import Points
from worker.progress import Meter

P = TypeVar("P", bound=AnyParams)


def run(points: Points, params: P, peer: Callable[[Pixels, P], Answer], meter: Meter) -> Clustering:
    """What the peer makes of every pixel, with the parameters of the exact engine and their meaning there."""
    check_size(points.pixels, params, points.units)
    meter.tell(0.0)
    pixels = pixels_of(points)
    with _limited(meter.threads):
        by_pixel, details = peer(pixels, params)
    labels = np.empty(len(points), np.int32)
    labels[pixels.order] = label_of_most(by_pixel, pixels.points.weights)
    # A cluster may have lost all its colours to others; those that are left keep their order.
    used = np.unique(labels[labels != NOISE])
    labels = np.where(labels == NOISE, NOISE, np.searchsorted(used, labels)).astype(np.int32)
    return Clustering(labels, points.means(labels, len(used)), details.of_clusters(used.astype(np.int64)))


def _limited(threads: int) -> AbstractContextManager[Any]:
    """At most so many threads in the pools of OpenMP and BLAS, which packages use on their own."""
    from threadpoolctl import threadpool_limits

    import_module("sklearn")  # every peer needs it; a pool must have been loaded to be limited
    limited: AbstractContextManager[Any] = threadpool_limits(threads)
    return limited


def pixels_of(points: Points) -> Pixels:
    """The points in the order of their first pixels, each as often as it counts."""
    order = np.argsort(points.first)
    ordered = replace(points, coords=points.coords[order], weights=points.weights[order], first=points.first[order])
    owner = np.repeat(np.arange(len(points)), ordered.weights)
    return Pixels(ordered, order, ordered.coords[owner], owner)


def check_size(pixels: int, params: AnyParams, units: int = 1) -> None:
    """Raises TooManyPixels above the algorithm's limit, InvalidParams below the two pixels that peers ask for."""
    check_reference_size(pixels, params, units)
    if pixels < 2:
        message = "must be exact where there is one pixel only: the peers ask for two"
        raise InvalidParams([FieldError(field="engine", value=params.engine, message=message)])


def label_of_most(by_pixel: NDArray[Any], weights: NDArray[np.int64]) -> NDArray[np.int32]:
    """Labels i32[U] from labels [N] of pixels that stand colour by colour: the one most pixels have, or the lowest."""
    ends = np.cumsum(weights)
    labels = by_pixel[ends - 1].astype(np.int32)
    mixed = np.unique(np.searchsorted(ends, np.flatnonzero(by_pixel != np.repeat(labels, weights)), side="right"))
    for color in mixed:
        own = by_pixel[ends[color] - weights[color] : ends[color]]
        labels[color] = np.bincount(own - NOISE).argmax() + NOISE
    return labels
