"""Better starts: centres that are little missed move to where they are needed."""

import numpy as np
from numpy.typing import NDArray

from worker.clustering.kmeans.lloyd import Lloyd, Run
from worker.kernels import grid
from worker.progress import Meter

Floats = NDArray[np.float64]

START_TOLERANCE = 1e-5
# How often at most, by how many iterations, and how large a share of the centres at once.
_ROUNDS, _ROUND_ITERATIONS, _SWAPPED_SHARE = 20, 10, 8
# A swap is tried if it promises at least this share of what it costs: Lloyd's iterations find the rest.
_PROMISE = 0.5
_WORTH_A_ROUND = 1e-3  # share of the inertia


def improved(cells: grid.Grid, best: Run, meter: Meter) -> Run:
    """`best`, or what it leads to when centres that are little missed move to where they are needed.

    Some swaps at once, then some of Lloyd's iterations: kept if the inertia fell, else half as many the next time.
    """
    most = max(1, (len(best.centers) - best.fixed) // _SWAPPED_SHARE)
    for round_ in range(_ROUNDS):
        centers, swaps = _swapped(cells, best, most)
        if not swaps:
            break
        with meter.part(round_ / _ROUNDS, (round_ + 1) / _ROUNDS) as part:
            lloyd = Lloyd(cells, len(centers), fixed=best.fixed)
            found = lloyd.run(centers, START_TOLERANCE, _ROUND_ITERATIONS, part)
        if found.inertia >= (1 - _WORTH_A_ROUND) * best.inertia:
            most = min(most, swaps) // 2
        if found.inertia < best.inertia:
            best = found
        if not most:
            break
    return best


def _swapped(cells: grid.Grid, run: Run, most: int) -> tuple[Floats, int]:
    """The centres after up to `most` swaps, cheapest first, and how many those are.

    In a swap two near clusters become one, and one is cut in two; each cluster takes part in one swap at most. (Moving
    codewords to where they are needed: Patane and Russo, 2001.)
    """
    centers = run.centers.copy()
    gain, halves = _cuts(cells, run)
    cost = merging_costs(run)
    near, price = cost.argmin(axis=1), cost.min(axis=1)
    poor = np.argsort(-gain, kind="stable").tolist()
    used: set[int] = set()
    swaps = 0
    for moved in np.argsort(price, kind="stable").tolist():
        into = int(near[moved])
        cut = next((one for one in poor if one not in used and one not in (moved, into)), None)
        if swaps == most or cut is None or gain[cut] <= _PROMISE * price[moved] or moved < run.fixed:
            break
        if moved in used or into in used:
            continue
        centers[into] = merged_center(run, moved, into)
        centers[cut], centers[moved] = halves[:, cut]
        used |= {moved, into, cut}
        swaps += 1
    return centers, swaps


def merging_costs(run: Run) -> Floats:
    """By how much the inertia rises when cluster i joins cluster j, f64[k, k]; infinite where i is j, or is fixed.

    By n m / (n + m) |a - b|^2 for clusters of n and m pixels around a and b (Ward 1963); by n |a - b|^2 where the
    centre of j is fixed.
    """
    mass, fixed = run.mass, run.fixed
    cost: Floats = mass[:, None] * mass / np.maximum(mass[:, None] + mass, 1)
    cost[:, :fixed] = mass[:, None]
    cost *= sum(np.square(axis[:, None] - axis) for axis in run.centers.T)
    cost[:fixed] = np.inf
    np.fill_diagonal(cost, np.inf)
    return cost


def merged_center(run: Run, moved: int, into: int) -> Floats:
    """Where the centre of `into` is when it has the points of `moved` as well."""
    both = run.mass[into] + run.mass[moved]
    center: Floats = run.centers[into]
    if into >= run.fixed and both > 0:
        center = (run.mass[into] * center + run.mass[moved] * run.centers[moved]) / both
    return center


def _cuts(cells: grid.Grid, run: Run) -> tuple[Floats, Floats]:
    """What cutting each cluster in two across its longest axis gains, f64[k], and the new centres, f64[2, k, 3].

    Those are the halves' means, and the gain is what merging them again would cost. Of a fixed centre only one half
    gets a new one, the one that gains more by it.
    """
    size = len(run.centers)
    labels = run.labels.astype(np.intp)  # once: bincount and take want nothing else
    offsets = cells.coords.T - run.centers.T[:, labels]
    weighted = cells.weights * offsets
    spreads = np.empty((size, 3, 3))
    for one in range(3):
        for other in range(one + 1):  # eigh reads the lower triangle
            spreads[:, one, other] = np.bincount(labels, weighted[one] * offsets[other], size)
    longest = np.linalg.eigh(spreads).eigenvectors[:, :, 2]
    within = np.where((offsets * longest.T[:, labels]).sum(axis=0) > 0, labels, labels + size)
    masses = np.bincount(within, cells.weights, 2 * size).reshape(2, size)
    sums = [np.bincount(within, axis, 2 * size).reshape(2, size) for axis in weighted]
    halves = np.stack(sums, axis=2) / np.maximum(masses, 1)[:, :, None]
    gain = masses[0] * masses[1] / np.maximum(masses.sum(axis=0), 1) * ((halves[0] - halves[1]) ** 2).sum(axis=1)
    for j in range(run.fixed):
        apart = masses[:, j] * (halves[:, j] ** 2).sum(axis=1)
        better = int(np.argmax(apart))
        gain[j] = apart[better]
        halves[0, j], halves[1, j] = 0.0, halves[better, j]
    return gain, run.centers + halves
