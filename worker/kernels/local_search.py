"""Local search for KMeans: a centre is taken away, a point becomes one, and some of Lloyd's steps tell whether it pays.

The point is drawn by weight x squared distance (k-means++, Arthur and Vassilvitskii 2007), the centre that goes is the
one whose loss is least with the new one there (Lattanzi and Sohler 2019), and it is judged after Lloyd's steps, not
before them (Conrads et al. 2024; random swaps, Fränti 2018).
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from worker.kernels import DONE, STOP, kernel
from worker.kernels.settling import ROUNDING, Fit, begin, book, copy_rows, new_fit, new_step, settled, square_apart

Floats = NDArray[np.float64]

_JUMP = 1e18  # the shift of a centre that is not near its points any more
_LOWER = 1 - 1e-7  # a trial is kept if the inertia falls below this share


class Prices(NamedTuple):
    """What taking a centre of the kept fit away would cost."""

    begin: NDArray[np.int64]  # [k + 1]: the cluster's points are members[begin[j]..begin[j + 1] - 1]
    members: NDArray[np.int32]  # [M]
    mass: Floats  # [M]: sum of weight x `nearest` over members[0..i]
    second: Floats  # [M]: squared distance to the second nearest centre
    reach: Floats  # [k]: largest distance of a cluster's points to their second nearest centres
    loss: Floats  # [k]: what the inertia gains if the cluster's points go to their second nearest centres


@kernel
def search(
    coords: Floats,
    weights: Floats,
    centers: Floats,
    fixed: int,
    uniforms: Floats,
    steps: int,
    still: float,
    vain: int,
    most: float,
    progress: NDArray[np.int64],
) -> float:
    """Up to one trial for each of `uniforms` f64[trials], in 0..1; `centers` f64[k, 3] (IN, OUT), k >= 2; the inertia.

    The first `fixed` centres stay. A trial takes up to `steps` of Lloyd's steps, in which a centre moves if that lowers
    the inertia by at least `still` of a cluster's mean share. It ends after `vain` trials in vain, or after `most`
    comparisons. `progress` grows by 1 a trial.
    """
    k, size = len(centers), len(weights)
    kept = new_fit(k, size)
    tried = new_fit(k, size)
    prices = Prices(
        np.empty(k + 1, np.int64), np.empty(size, np.int32), np.empty(size), np.empty(size), np.empty(k), np.empty(k)
    )
    step = new_step(k)
    loss = np.empty(k)
    copy_rows(centers, kept.centers)
    _compare_all(coords, kept)
    work = float(size * k)
    inertia, took = _priced(coords, weights, kept, prices, step.rivals[0])
    work += took
    _copy(kept, tried)
    failed = 0
    for trial in range(len(uniforms)):
        if progress[STOP] or inertia <= 0 or failed >= vain or work >= most:
            break
        point = prices.members[_drawn(prices.mass, uniforms[trial])]
        gone, took = _least_missed(coords, weights, kept, prices, coords[point], fixed, loss)
        work += took
        for axis in range(3):
            tried.centers[gone, axis] = coords[point, axis]
        begin(step, 0.0)
        step.shift[gone], step.touched[gone] = _JUMP, True
        found, took = settled(coords, weights, tried, inertia, inertia, fixed, steps, still * inertia / k, step)
        work += took
        if found < inertia * _LOWER:
            inertia, took = _priced(coords, weights, tried, prices, step.rivals[0])
            work += took
            _copy(tried, kept)
            failed = 0
        else:
            _copy(kept, tried)
            failed += 1
        progress[DONE] += 1
    copy_rows(kept.centers, centers)
    return inertia


@kernel
def _drawn(mass: Floats, uniform: float) -> int:
    """The place in the running sums `mass` f64[M] that a number in 0..1 falls to."""
    low, high = 0, len(mass) - 1
    target = uniform * mass[high]
    while low < high:
        middle = (low + high) // 2
        if mass[middle] > target:
            high = middle
        else:
            low = middle + 1
    return low


# Loops, where slices would do: those take a second to compile each, for the message of an error that cannot be.
@kernel
def _copy(source: Fit, target: Fit) -> None:
    copy_rows(source.centers, target.centers)
    copy_rows(source.sums, target.sums)
    for j in range(len(source.radius)):
        target.radius[j] = source.radius[j]
    for i in range(len(source.labels)):
        target.labels[i] = source.labels[i]
        target.nearest[i] = source.nearest[i]


@kernel
def _compare_all(coords: Floats, fit: Fit) -> None:
    """Labels and distances, every point compared with every centre."""
    for i in range(len(coords)):
        x, y, z = coords[i, 0], coords[i, 1], coords[i, 2]
        best = np.inf
        label = 0
        for j in range(len(fit.centers)):
            distance = square_apart(x, y, z, fit.centers, j)
            label = j if distance < best else label
            best = distance if distance < best else best
        fit.labels[i] = label
        fit.nearest[i] = best


@kernel
def _priced(
    coords: Floats, weights: Floats, fit: Fit, prices: Prices, rivals: NDArray[np.int32]
) -> tuple[float, float]:
    """The inertia, and the comparisons made. OUT: `fit.sums` and `fit.radius`, anew from the labels; `prices`."""
    centers, k = fit.centers, len(fit.centers)
    _gather(coords, weights, fit, prices)
    inertia = work = 0.0
    for j in range(k):
        x, y, z = centers[j, 0], centers[j, 1], centers[j, 2]
        neighbor = np.inf
        for other in range(k):
            if other != j:
                neighbor = min(neighbor, square_apart(x, y, z, centers, other))
        # The second nearest of a point is within radius + that neighbour's distance of it.
        limit = 2 * fit.radius[j] + np.sqrt(neighbor)
        count = _within(x, y, z, limit * limit * ROUNDING, centers, j, rivals)
        farthest = loss = 0.0
        for at in range(prices.begin[j], prices.begin[j + 1]):
            i = prices.members[at]
            second = np.inf
            for rival in range(count):
                second = min(second, square_apart(coords[i, 0], coords[i, 1], coords[i, 2], centers, rivals[rival]))
            prices.second[i] = second
            farthest = max(farthest, second)
            loss += weights[i] * (second - fit.nearest[i])
            inertia += weights[i] * fit.nearest[i]
            prices.mass[at] = inertia
        work += k + (count + 1) * (prices.begin[j + 1] - prices.begin[j])
        prices.reach[j] = np.sqrt(farthest)
        prices.loss[j] = loss
    return inertia, work


@kernel
def _gather(coords: Floats, weights: Floats, fit: Fit, prices: Prices) -> None:
    """The members of each cluster, their sums and radius."""
    fit.sums[:] = 0.0
    fit.radius[:] = 0.0
    prices.begin[:] = 0
    for i in range(len(weights)):
        label = fit.labels[i]
        book(coords, weights, i, label, 1.0, fit.sums)
        fit.radius[label] = max(fit.radius[label], fit.nearest[i])
        prices.begin[label + 1] += 1
    for j in range(len(fit.radius)):
        fit.radius[j] = np.sqrt(fit.radius[j])
        prices.begin[j + 1] += prices.begin[j]
    for i in range(len(weights) - 1, -1, -1):
        end = fit.labels[i] + 1
        prices.begin[end] -= 1
        prices.members[prices.begin[end]] = i
    for j in range(len(fit.radius)):
        prices.begin[j] = prices.begin[j + 1]
    prices.begin[len(fit.radius)] = len(weights)


@kernel
def _within(x: float, y: float, z: float, limit: float, centers: Floats, but: int, out: NDArray[np.int32]) -> int:
    """List in `out` (OUT) the centres within the squared distance `limit` of a place, `but` one; how many."""
    count = 0
    for j in range(len(centers)):
        out[count] = j
        count += j != but and square_apart(x, y, z, centers, j) <= limit
    return count


@kernel
def _least_missed(
    coords: Floats, weights: Floats, fit: Fit, prices: Prices, place: Floats, fixed: int, loss: Floats
) -> tuple[int, float]:
    """The centre whose loss is least once there is one at `place` f64[3], and the comparisons made."""
    x, y, z = place[0], place[1], place[2]
    work = 0.0
    gone = fixed
    for j in range(fixed, len(loss)):
        loss[j] = prices.loss[j]
        apart = np.sqrt(square_apart(x, y, z, fit.centers, j))
        if apart < fit.radius[j] + prices.reach[j]:  # else no point of it is nearer to the place than to its second
            loss[j] = 0.0
            for at in range(prices.begin[j], prices.begin[j + 1]):
                i = prices.members[at]
                distance = square_apart(x, y, z, coords, i)
                loss[j] += weights[i] * max(0.0, min(prices.second[i], distance) - fit.nearest[i])
            work += prices.begin[j + 1] - prices.begin[j]
        if loss[j] < loss[gone]:
            gone = j
    return gone, work
