"""Complete and average linkage from all distances of K clusters of U points: O(U^2) in time, O(K^2) in memory.

Nearest-neighbour chains (Murtagh 1983; algorithm 2 in Müllner, arXiv 1109.2378), which both linkages allow since
they are reducible. Distances stand condensed, as in scipy: row i has those to i+1..K-1.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from worker.kernels import DONE, STOP, kernel

# How often a chain looks whether it is to stop, in distances read.
GLANCE = 1 << 22
# Points whose sums a core keeps close at hand.
BLOCK = 1024


@kernel
def row(i: int, size: int) -> int:
    """Where the distances of row `i` start, less i + 1: that from i to j > i is at row(i, size) + j."""
    return i * size - i * (i + 1) // 2 - i - 1


class Groups(NamedTuple):
    """U points by the K clusters that they are in. Each cluster's points stand together."""

    x: NDArray[np.float64]  # [U]
    y: NDArray[np.float64]  # [U]
    z: NDArray[np.float64]  # [U]
    shares: NDArray[np.float64]  # [U]: of the cluster's pixels
    starts: NDArray[np.int64]  # [K + 1]: the cluster k has the points starts[k]..starts[k + 1] - 1


@kernel
def fill(
    begin: int, end: int, groups: Groups, average: bool, distances: NDArray[np.float64], progress: NDArray[np.int64]
) -> None:
    """OUT: those of `distances` f64[K (K - 1) / 2] that are in the rows begin..end-1: the mean or greatest distances.

    A cluster's points stand outside of the inner loop, all later points inside, so that it has no sum to carry and the
    processor does eight at a time. `progress` grows by the pairs of points.
    """
    starts = groups.starts
    room = np.empty(BLOCK)
    for cluster in range(begin, end):
        first = row(cluster, len(starts) - 1)
        for k in range(first + cluster + 1, first + len(starts) - 1):
            distances[k] = 0.0
        other = cluster + 1
        for low in range(starts[cluster + 1], starts[-1], BLOCK):
            high = min(low + BLOCK, starts[-1])
            block = room[: high - low]
            block[:] = 0.0
            for point in range(starts[cluster], starts[cluster + 1]):
                if average:
                    _add_distances(groups, point, low, high, block)
                else:
                    _keep_farthest(groups, point, low, high, block)
            other = _fold(groups, low, block, average, other, first, distances)
            progress[DONE] += (starts[cluster + 1] - starts[cluster]) * (high - low)
            if progress[STOP]:
                return
        if not average:
            for k in range(first + cluster + 1, first + len(starts) - 1):
                distances[k] = np.sqrt(distances[k])


@kernel
def _add_distances(groups: Groups, point: int, low: int, high: int, block: NDArray[np.float64]) -> None:
    """OUT: to each of `block`, the distance of `point` to that point of low..high-1, times its share."""
    x, y, z, share = groups.x[point], groups.y[point], groups.z[point], groups.shares[point]
    xs, ys, zs = groups.x[low:high], groups.y[low:high], groups.z[low:high]
    for j in range(len(block)):
        dx, dy, dz = x - xs[j], y - ys[j], z - zs[j]
        block[j] += share * np.sqrt(dx * dx + dy * dy + dz * dz)


@kernel
def _keep_farthest(groups: Groups, point: int, low: int, high: int, block: NDArray[np.float64]) -> None:
    """OUT: each of `block`, or the squared distance of `point` to that point of low..high-1 where it is greater."""
    x, y, z = groups.x[point], groups.y[point], groups.z[point]
    xs, ys, zs = groups.x[low:high], groups.y[low:high], groups.z[low:high]
    for j in range(len(block)):
        dx, dy, dz = x - xs[j], y - ys[j], z - zs[j]
        square = dx * dx + dy * dy + dz * dz
        block[j] = square if square > block[j] else block[j]


@kernel
def _fold(
    groups: Groups,
    low: int,
    block: NDArray[np.float64],
    average: bool,
    other: int,
    first: int,
    distances: NDArray[np.float64],
) -> int:
    """OUT: what the points low, low + 1... have in `block`, put together by the clusters that they are in.

    The first point is in the cluster `other` or a later one; answers the cluster of the last one.
    """
    for j in range(len(block)):
        while groups.starts[other + 1] <= low + j:
            other += 1
        if average:
            distances[first + other] += groups.shares[low + j] * block[j]
        else:
            distances[first + other] = max(distances[first + other], block[j])
    return other


@kernel
def chain(
    distances: NDArray[np.float64],
    weights: NDArray[np.int64],
    average: bool,
    edges: NDArray[np.int64],
    heights: NDArray[np.float64],
    progress: NDArray[np.int64],
) -> None:
    """OUT: `edges` i64[K - 1, 2], a place of each part, and `heights` f64[K - 1], in no order. Spoils `distances`.

    Complete linkage, or with `average` that of the mean distance of all pairs of pixels. A union stays at the place
    of its second part. Among equal distances the chain turns back rather than going on, then takes the lowest place.
    """
    size = len(weights)
    pixels = weights.astype(np.float64)
    places = np.arange(size)  # places[:left] are those still in use, ascending
    path = np.empty(size, np.int64)
    length, left, read = 0, size, 0
    for merge in range(size - 1):
        if length == 0:
            path[0] = places[0]
            length = 1
        while True:
            tip = path[length - 1]
            near, least = _nearest(distances, places, left, tip, path[length - 2] if length > 1 else -1)
            if length > 1 and near == path[length - 2]:
                break
            path[length] = near
            length += 1
            read += left
            if read > GLANCE:
                read = 0
                progress[DONE] = merge
                if progress[STOP]:
                    return
        length -= 2
        a, b = min(tip, near), max(tip, near)
        edges[merge, 0], edges[merge, 1], heights[merge] = a, b, least
        left = _unite(distances, places, left, pixels, a, b, average)
        progress[DONE] = merge + 1
        if progress[STOP]:
            return


@kernel
def _nearest(
    distances: NDArray[np.float64], places: NDArray[np.int64], left: int, tip: int, previous: int
) -> tuple[int, float]:
    """The nearest place to `tip` and its distance; `previous` (or -1) if it is as near as any."""
    size = len(places)
    near, least = previous, np.inf
    if previous >= 0:
        least = distances[row(min(previous, tip), size) + max(previous, tip)]
    start = row(tip, size)
    for k in range(left):
        other = places[k]
        if other == tip:
            continue
        distance = distances[start + other] if other > tip else distances[row(other, size) + tip]
        if distance < least:
            near, least = other, distance
    return near, least


@kernel
def _unite(
    distances: NDArray[np.float64],
    places: NDArray[np.int64],
    left: int,
    pixels: NDArray[np.float64],
    a: int,
    b: int,
    average: bool,
) -> int:
    """Put the union of `a` and `b` at `b` (Lance and Williams 1967) and drop `a`; answers how many places are left."""
    size = len(places)
    total = pixels[a] + pixels[b]
    kept = 0
    for k in range(left):
        other = places[k]
        if other == a:
            continue
        places[kept] = other
        kept += 1
        if other == b:
            continue
        to_a = distances[row(min(a, other), size) + max(a, other)]
        at = row(min(b, other), size) + max(b, other)
        if average:
            distances[at] = (pixels[a] * to_a + pixels[b] * distances[at]) / total
        else:
            distances[at] = max(distances[at], to_a)
    pixels[b] = total
    return kept
