"""What the sums by cluster say of a labelling: inertia, Calinski-Harabasz, Davies-Bouldin, BIC. O(k^2) each.

Means are those of the labelled pixels, as in scikit-learn: where KMeans stops by its tolerance, its own centres lie a
little beside them.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from worker.quality.labelings import Labelled, Sums

Floats = NDArray[np.float64]


_ROUNDING = 1e-20
_ROWS = 512  # clusters that are compared with all at a time: keeps the distances of thousands small


@dataclass(frozen=True)
class Indices:
    """The measures of a labelling with N pixels and k clusters that are not empty, in the space of the points."""

    n_clusters: int
    inertia: float
    """Sum over the pixels of the squared distance to their cluster's mean."""
    calinski_harabasz: float | None
    """Variance between clusters over variance within, the larger the better; None for one cluster or N."""
    davies_bouldin: float | None
    """Mean over the clusters of the worst (s_i + s_j) / d_ij, the smaller the better; None for one cluster or N."""
    bic: float
    """-2 ln L + p ln N of k spherical Gaussians of one variance, the smaller the better."""
    explained_variance: float
    """The share of the pixels' variance that is between the clusters, 0..1."""
    log_error: float
    """Logarithm of the mean squared distance, plus that of half a step of `resolution`."""


def indices(labelled: Labelled, sums: Sums, resolution: float) -> list[Indices]:
    """The indices of each labelling. `resolution` is the smallest distance that means anything: see `bic`."""
    return [_of_one(labelled, sums, slice(*span), resolution) for span in zip(*_spans(sums), strict=True)]


def _spans(sums: Sums) -> tuple[list[int], list[int]]:
    begin = sums.clusters.begin.tolist()
    return begin[:-1], begin[1:]


def _of_one(labelled: Labelled, sums: Sums, rows: slice, resolution: float) -> Indices:
    used = sums.clusters.mass[rows] > 0
    mass = sums.clusters.mass[rows][used] / labelled.units
    means = sums.clusters.means[rows][used]
    distances = sums.distances[rows][used] / labelled.units
    inertia = without_rounding(float(sums.squares[rows].sum()) / labelled.units, labelled.pixels, resolution)
    between = _between(mass, means)
    defined = 1 < len(mass) < labelled.pixels
    return Indices(
        n_clusters=len(mass),
        inertia=inertia,
        calinski_harabasz=calinski_harabasz(mass, between, inertia) if defined else None,
        davies_bouldin=davies_bouldin(mass, means, distances) if defined else None,
        bic=bic(mass, inertia, resolution),
        explained_variance=between / (between + inertia) if between > 0 else 0.0,
        log_error=_log_error(inertia, labelled.pixels, resolution),
    )


def around(measures: Indices, inertia: float, pixels: float, resolution: float) -> Indices:
    """The same, but with the inertia around centres that are not the means, and the error that follows from it."""
    inertia = without_rounding(inertia, pixels, resolution)
    return replace(measures, inertia=inertia, log_error=_log_error(inertia, pixels, resolution))


def without_rounding(inertia: float, pixels: float, resolution: float) -> float:
    """0 where each cluster is one colour, but for the last digits of its mean."""
    return 0.0 if inertia < _ROUNDING * pixels * resolution**2 else inertia


def _log_error(inertia: float, pixels: float, resolution: float) -> float:
    return math.log(inertia / max(pixels, 1) + resolution**2 / 4)


def _between(mass: Floats, means: Floats) -> float:
    """Sum over the pixels of the squared distance of their cluster's mean to the mean of all."""
    center = (mass[:, None] * means).sum(axis=0) / max(float(mass.sum()), 1e-300)
    return float((mass * ((means - center) ** 2).sum(axis=1)).sum())


def calinski_harabasz(mass: Floats, between: float, inertia: float) -> float:
    """The variance ratio (Calinski and Harabasz 1974); 1 where the inertia is 0, as in scikit-learn.

    `mass` f64[k] are the clusters' pixels; `between` is the inertia of the means.
    """
    if inertia == 0:
        return 1.0
    return between * (float(mass.sum()) - len(mass)) / (inertia * (len(mass) - 1))


def davies_bouldin(mass: Floats, means: Floats, distances: Floats) -> float:
    """Davies and Bouldin 1979; `distances` f64[k]: sums over the pixels of the distance to their mean.

    0 where all of them are 0, or all means are the same place, as in scikit-learn.
    """
    scatter, worst, farthest = distances / mass, np.empty(len(mass)), 0.0
    for begin in range(0, len(mass), _ROWS):
        rows = slice(begin, begin + _ROWS)
        apart = np.sqrt(sum(np.square(axis[rows, None] - axis) for axis in means.T))
        farthest = max(farthest, float(apart.max()))
        apart[apart == 0] = np.inf
        worst[rows] = ((scatter[rows, None] + scatter) / apart).max(axis=1)
    if np.allclose(scatter, 0) or np.allclose(farthest, 0):
        return 0.0
    return float(worst.mean())


def bic(mass: Floats, inertia: float, resolution: float) -> float:
    """The Bayesian information criterion of the clusters as spherical Gaussians of one variance, each with its share.

    The model of Pelleg and Moore's X-means (ICML 2000), with its errors put right (Schubert, "Stop using the elbow
    criterion for k-means", SIGKDD Explorations 25, 2023): the variance is that of one axis, inertia / 3 N, and the
    p = (k - 1) + 3 k + 1 parameters are the shares, the means and the variance. With the maximum likelihood

        ln L = sum over the clusters n ln(n / N) - 3 N / 2 (ln(2 pi variance) + 1)

    the value is -2 ln L + p ln N. Colours come in steps of `resolution`, so that no variance is known to be less than
    that of rounding, resolution^2 / 12; below it that one is taken, and the 1 is inertia / (3 N variance).
    """
    pixels, clusters = float(mass.sum()), len(mass)
    if not clusters:
        return 0.0
    variance = max(inertia / (3 * pixels), resolution**2 / 12)
    shares = float((mass * np.log(mass / pixels)).sum())
    likelihood = shares - 1.5 * pixels * math.log(2 * math.pi * variance) - inertia / (2 * variance)
    return -2 * likelihood + 4 * clusters * math.log(pixels)
