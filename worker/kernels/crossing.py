"""Two clusterings of the same points become a third one.

Points that both keep together stay together: those parts are merged, each time the two of which it costs least (Ward
1963), until there are as many as clusters. (A genetic algorithm whose crossover is the pairwise nearest neighbour
method: Fränti, Kivijärvi, Kaukoranta and Nevalainen 1997.)
"""

import numpy as np
from numpy.typing import NDArray

from worker.kernels import kernel

Floats = NDArray[np.float64]
Labels = NDArray[np.int32]

_UNKNOWN = -1


# Parts are f64[6, n], of which those that are left come first: mean, weight, what it costs least to merge, scratch.
_X, _Y, _Z, _MASS, _COST, _SCRATCH = range(6)


@kernel
def cross(
    coords: Floats,
    weights: Floats,
    labels: Labels,
    one: int,
    other: int,
    fixed: int,
    centers: Floats,
    sums: Floats,
    out: Labels,
) -> float:
    """The labels `out` i32[M] (OUT) of k clusters made of those by two rows of `labels` i32[n, M]; the comparisons.

    OUT too: `centers` f64[k, 3], but for the first `fixed`, whose points are those that they have in either; `sums`
    f64[k, 4] of weight x coordinates, and of the weights. Where there are fewer than k parts, some clusters stay empty:
    their centres are left as they come in.
    """
    k = len(centers)
    count = _split(labels, one, other, fixed, k, out)
    totals = np.zeros((count, 4))
    for i in range(len(out)):
        for axis in range(3):
            totals[out[i], axis] += weights[i] * coords[i, axis]
        totals[out[i], 3] += weights[i]
    cluster, work = _merged(totals, fixed, k)
    sums[:] = 0.0
    for part in range(count):
        for column in range(4):
            sums[cluster[part], column] += totals[part, column]
    for j in range(fixed, k):
        for axis in range(3):
            centers[j, axis] = sums[j, axis] / sums[j, 3] if sums[j, 3] > 0 else centers[j, axis]
    for i in range(len(out)):
        out[i] = cluster[out[i]]
    return work


@kernel
def _split(labels: Labels, one: int, other: int, fixed: int, k: int, out: Labels) -> int:
    """Number the pairs of labels in the order of their first points, from `fixed` on (OUT); how many there are then.

    What has a label below `fixed` in either keeps that.
    """
    numbers = np.full(k * k, _UNKNOWN, np.int32)
    count = fixed
    for i in range(len(out)):
        least, pair = min(labels[one, i], labels[other, i]), labels[one, i] * k + labels[other, i]
        if least < fixed:
            out[i] = least
            continue
        if numbers[pair] == _UNKNOWN:
            numbers[pair] = count
            count += 1
        out[i] = numbers[pair]
    return count


@kernel
def _merged(totals: Floats, fixed: int, k: int) -> tuple[Labels, float]:
    """The cluster i32[n] of each part by its sums `totals` f64[n, 4]; the comparisons. The `fixed` are their own."""
    size = len(totals)
    parts, number = np.empty((6, size - fixed)), np.empty(size, np.int32)
    into, cluster = np.empty(size, np.int32), np.empty(size, np.int32)
    for part in range(size):
        into[part] = cluster[part] = part
    for at in range(size - fixed):
        number[at] = fixed + at
        parts[_MASS, at] = totals[fixed + at, 3]
        for axis in range(3):
            parts[axis, at] = totals[fixed + at, axis] / totals[fixed + at, 3]
    work = _merge(parts, k - fixed, number, into)
    for at in range(min(size, k) - fixed):
        cluster[number[at]] = fixed + at
    for part in range(fixed, size):
        root = part
        while into[root] != root:
            root = into[root]
        cluster[part] = cluster[root]
    return cluster, work


@kernel
def _merge(parts: Floats, left: int, number: Labels, into: Labels) -> float:
    """Merge `parts` until `left` are left, and their `number` i32[n] (both IN, OUT); the comparisons made.

    OUT: `into` i32[n], the number of the part that each has gone into.
    """
    count = parts.shape[1]
    near = np.empty(count, np.int32)
    work: float = float(count) * count
    for at in range(count):
        near[at] = _nearest(parts, count, at)
    while count > left:
        best = 0
        for at in range(count):
            best = at if parts[_COST, at] < parts[_COST, best] else best
        kept, gone = min(best, near[best]), max(best, near[best])
        into[number[gone]] = number[kept]
        count -= 1
        _unite(parts, kept, gone)
        for row in range(_COST + 1):  # the last one takes the place that is free
            parts[row, gone] = parts[row, count]
        number[gone], near[gone] = number[count], near[count]
        # No other has a nearer one by that: a merge at the least cost of all brings nobody nearer.
        for at in range(count):
            if at == kept or near[at] in (kept, gone):
                near[at] = _UNKNOWN
            elif near[at] == count:
                near[at] = gone
        for at in range(count):
            if near[at] == _UNKNOWN:
                near[at] = _nearest(parts, count, at)
                work += count
    return work


@kernel
def _unite(parts: Floats, kept: int, gone: int) -> None:
    mass = parts[_MASS, kept] + parts[_MASS, gone]
    for axis in range(3):
        parts[axis, kept] += parts[_MASS, gone] / mass * (parts[axis, gone] - parts[axis, kept])
    parts[_MASS, kept] = mass


@kernel
def _nearest(parts: Floats, count: int, at: int) -> int:
    """Which of the first `count` parts that one merges with at the least cost. OUT: that cost."""
    x, y, z, mass = parts[_X, at], parts[_Y, at], parts[_Z, at], parts[_MASS, at]
    for other in range(count):  # a loop of its own, that takes four at a time
        dx, dy, dz, weight = parts[_X, other] - x, parts[_Y, other] - y, parts[_Z, other] - z, parts[_MASS, other]
        parts[_SCRATCH, other] = (dx * dx + dy * dy + dz * dz) * (mass * weight / (mass + weight))
    parts[_SCRATCH, at] = np.inf
    best = 0
    for other in range(count):
        if parts[_SCRATCH, other] < parts[_SCRATCH, best]:
            best = other
    parts[_COST, at] = parts[_SCRATCH, best]
    return best
