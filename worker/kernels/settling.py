"""Some of Lloyd's steps, that look at few of the points: those of clusters that have moved, or have a moved one near.

A centre j can be nearest to a point of the cluster around c only if |c - j| is at most twice the point's distance from
c; so it can be to no point of it if |c - j| is more than twice the cluster's radius.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from worker.kernels import inline, kernel

Floats = NDArray[np.float64]

ROUNDING = 1 + 1e-9  # of squared distances, so that no centre is passed over by a rounding error


class Fit(NamedTuple):
    """k centres and the M points that they have; all that a trial changes."""

    centers: Floats  # [k, 3]
    labels: NDArray[np.int32]  # [M]: the nearest centre
    nearest: Floats  # [M]: its squared distance
    sums: Floats  # [k, 4]: sums of weight x coordinates, and of the weights
    radius: Floats  # [k]: largest distance of a cluster's points


class Step(NamedTuple):
    """What the next of Lloyd's steps has to look at."""

    shift: Floats  # [k]: how far each centre has moved since the points were last compared
    touched: NDArray[np.bool_]  # [k]: whose points have changed since the centre was last moved
    rivals: NDArray[np.int32]  # [k, k]: centres that the points of each cluster are compared with
    apart: Floats  # [k, k]: their squared distances from the cluster's centre, the least first
    length: NDArray[np.int32]  # [k]: how many of them
    moved: NDArray[np.int32]  # [k]: scratch


@kernel
def new_fit(k: int, size: int) -> Fit:
    return Fit(np.empty((k, 3)), np.empty(size, np.int32), np.empty(size), np.empty((k, 4)), np.empty(k))


@kernel
def new_step(k: int) -> Step:
    return Step(
        np.zeros(k),
        np.zeros(k, np.bool_),
        np.empty((k, k), np.int32),
        np.empty((k, k)),
        np.empty(k, np.int32),
        np.empty(k, np.int32),
    )


@kernel
def copy_rows(source: Floats, target: Floats) -> None:
    for row in range(source.shape[0]):
        for column in range(source.shape[1]):
            target[row, column] = source[row, column]


@inline
def square_apart(ax: float, ay: float, az: float, others: Floats, j: int) -> float:
    """Squared distance."""
    x, y, z = ax - others[j, 0], ay - others[j, 1], az - others[j, 2]
    square: float = x * x + y * y + z * z
    return square


@kernel
def book(coords: Floats, weights: Floats, i: int, label: int, sign: float, sums: Floats) -> None:
    for axis in range(3):
        sums[label, axis] += sign * weights[i] * coords[i, axis]
    sums[label, 3] += sign * weights[i]


@kernel
def begin(step: Step, shift: float) -> None:
    """Nobody's points have changed yet, and each centre has moved by `shift`."""
    step.shift[:] = shift
    step.touched[:] = False


@kernel
def settled(
    coords: Floats,
    weights: Floats,
    fit: Fit,
    inertia: float,
    goal: float,
    fixed: int,
    steps: int,
    still: float,
    step: Step,
) -> tuple[float, float]:
    """The inertia after some of Lloyd's steps, and the comparisons made. `inertia` is the sum of `fit.nearest` before.

    It is given up, infinite, where the steps left, each as good as the last one, would not lead below the `goal`.
    """
    work = 0.0
    for number in range(steps):
        change, took = _reassign(coords, weights, fit, step)
        inertia += change
        work += took
        if number > 0 and inertia - goal > -change * (steps - number):
            return np.inf, work
        if not _move(fit, fixed, still, step):
            return inertia, work
    change, took = _reassign(coords, weights, fit, step)
    return inertia + change, work + took


@kernel
def _move(fit: Fit, fixed: int, still: float, step: Step) -> bool:
    """Move the touched centres to their means where that lowers the inertia by more than `still`; whether any did."""
    any_moved = False
    for j in range(len(fit.centers)):
        step.shift[j] = 0.0
        mass = fit.sums[j, 3]
        if j < fixed or not step.touched[j] or mass < 0.5:
            continue
        square = 0.0
        for axis in range(3):
            square += (fit.sums[j, axis] / mass - fit.centers[j, axis]) ** 2
        if mass * square > still:
            for axis in range(3):
                fit.centers[j, axis] = fit.sums[j, axis] / mass
            step.shift[j] = np.sqrt(square)
            step.touched[j] = False
            any_moved = True
    return any_moved


@kernel
def _reassign(coords: Floats, weights: Floats, fit: Fit, step: Step) -> tuple[float, float]:
    """Give each point its nearest centre after those with a shift have moved; the inertia's change, the comparisons."""
    labels, nearest, radius = fit.labels, fit.nearest, fit.radius
    _find_rivals(fit, step)
    change = 0.0
    work = float(len(weights))
    for i in range(len(weights)):
        label = labels[i]
        count = step.length[label]
        if count == 0:
            continue
        x, y, z = coords[i, 0], coords[i, 1], coords[i, 2]
        best = square_apart(x, y, z, fit.centers, label) if step.shift[label] > 0 else nearest[i]
        winner = label
        limit = 4 * best * ROUNDING
        for at in range(count):
            if step.apart[label, at] > limit:
                count = at
                break
            j = step.rivals[label, at]
            distance = square_apart(x, y, z, fit.centers, j)
            winner = j if distance < best else winner
            best = distance if distance < best else best
        work += count
        change += weights[i] * (best - nearest[i])
        nearest[i] = best
        radius[winner] = max(radius[winner], best)
        if winner != label:
            labels[i] = winner
            step.touched[label] = step.touched[winner] = True
            book(coords, weights, i, label, -1.0, fit.sums)
            book(coords, weights, i, winner, 1.0, fit.sums)
    for j in range(len(radius)):
        radius[j] = np.sqrt(radius[j])
    return change, work


@kernel
def _find_rivals(fit: Fit, step: Step) -> None:
    """With whom the points of each cluster are compared; squares the radius, which is 0 where they are."""
    centers = fit.centers
    count = 0
    for j in range(len(centers)):
        step.moved[count] = j
        count += step.shift[j] > 0
    for label in range(len(centers)):
        limit = 2 * (fit.radius[label] + step.shift[label])
        limit *= limit * ROUNDING
        step.length[label] = 0
        if step.shift[label] > 0:
            for j in range(len(centers)):
                if j != label:
                    _add_rival(fit, step, label, j, limit)
            if step.length[label] == 0:  # its points are to be measured anew all the same: against itself
                _add_rival(fit, step, label, label, 0.0)
        else:
            for at in range(count):
                _add_rival(fit, step, label, step.moved[at], limit)
    for label in range(len(centers)):
        fit.radius[label] = 0.0 if step.length[label] else fit.radius[label] ** 2


@inline
def _add_rival(fit: Fit, step: Step, label: int, j: int, limit: float) -> None:
    """List the centre j in its place, the nearest first, if its squared distance is within the `limit`."""
    apart = square_apart(fit.centers[label, 0], fit.centers[label, 1], fit.centers[label, 2], fit.centers, j)
    if apart <= limit:
        at = step.length[label]
        while at > 0 and step.apart[label, at - 1] > apart:
            step.apart[label, at] = step.apart[label, at - 1]
            step.rivals[label, at] = step.rivals[label, at - 1]
            at -= 1
        step.apart[label, at], step.rivals[label, at] = apart, j
        step.length[label] += 1
