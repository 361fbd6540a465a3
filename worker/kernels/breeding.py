"""A population of clusterings: two of them become another one, which replaces the worse of the two."""

import numpy as np
from numpy.typing import NDArray

from worker.kernels import DONE, STOP, kernel
from worker.kernels.crossing import cross
from worker.kernels.settling import Fit, begin, copy_rows, new_fit, new_step, settled

Floats = NDArray[np.float64]
Labels = NDArray[np.int32]

_ALIKE = 1e-6  # relative difference of the inertias of two clusterings that are one
_HARDLY = 1e-300  # a shift that makes all points be compared, and no centre be passed over


@kernel
def breed(
    coords: Floats,
    weights: Floats,
    centers: Floats,
    labels: Labels,
    inertias: Floats,
    fixed: int,
    uniforms: Floats,
    steps: int,
    still: float,
    most: float,
    progress: NDArray[np.int64],
) -> None:
    """Cross the clusterings of `centers` f64[n, k, 3], `labels` i32[n, M] and `inertias` f64[n], n >= 2 (all IN, OUT).

    Each of `uniforms` f64[draws, 2], in 0..1, draws two of them. What they become, after up to `steps` of Lloyd's steps
    in which a centre moves if that lowers the inertia by at least `still` of a cluster's mean share, replaces the worse
    one if it is better, and unlike all others. The first `fixed` centres stay. It ends after `most` comparisons, to
    which `progress` grows.
    """
    size, k = centers.shape[0], centers.shape[1]
    fit, step = new_fit(k, len(weights)), new_step(k)
    crossed = np.zeros((size, size), np.bool_)
    work = 0.0
    for draw in range(len(uniforms)):
        if work >= most or progress[STOP]:
            break
        better, worse = int(uniforms[draw, 0] * size), int(uniforms[draw, 1] * size)
        if better == worse or crossed[better, worse]:
            continue
        crossed[better, worse] = crossed[worse, better] = True
        if inertias[better] > inertias[worse]:
            better, worse = worse, better
        goal = inertias[worse]
        copy_rows(centers[better], fit.centers)  # of what is fixed, and of clusters that get no points
        work += cross(coords, weights, labels, better, worse, fixed, fit.centers, fit.sums, fit.labels)
        inertia = _measure(coords, weights, fit)
        begin(step, _HARDLY)
        found, took = settled(coords, weights, fit, inertia, goal, fixed, steps, still * goal / k, step)
        work += took + 2 * len(weights)
        if found < goal and not _known(found, inertias):
            _replace(centers, labels, worse, fit)
            inertias[worse] = found
            for other in range(size):
                crossed[worse, other] = crossed[other, worse] = False
        progress[DONE] = int(min(work, most))


@kernel
def _replace(centers: Floats, labels: Labels, place: int, fit: Fit) -> None:
    for j in range(len(fit.centers)):
        for axis in range(3):
            centers[place, j, axis] = fit.centers[j, axis]
    for i in range(len(fit.labels)):
        labels[place, i] = fit.labels[i]


@kernel
def _known(inertia: float, inertias: Floats) -> bool:
    """Whether there is a clustering of that inertia already."""
    known = False
    for i in range(len(inertias)):
        known |= abs(inertia - inertias[i]) <= _ALIKE * inertias[i]
    return known


@kernel
def _measure(coords: Floats, weights: Floats, fit: Fit) -> float:
    """The inertia by the labels and centres of the `fit`. OUT: its `nearest` and `radius`."""
    inertia = 0.0
    for j in range(len(fit.radius)):
        fit.radius[j] = 0.0
    for i in range(len(weights)):
        label = fit.labels[i]
        nearest = 0.0
        for axis in range(3):
            nearest += (coords[i, axis] - fit.centers[label, axis]) ** 2
        fit.nearest[i] = nearest
        fit.radius[label] = max(fit.radius[label], fit.nearest[i])
        inertia += weights[i] * fit.nearest[i]
    for j in range(len(fit.radius)):
        fit.radius[j] = np.sqrt(fit.radius[j])
    return inertia
