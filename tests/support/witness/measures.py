"""The measures of a labelling, from every pixel, by their definitions; scikit-learn's where it has them."""

from typing import Any, NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial.distance import cdist
from sklearn.metrics import calinski_harabasz_score, davies_bouldin_score, silhouette_score

Floats = NDArray[np.float64]


MOST_PIXELS = 1500
"""Up to so many scikit-learn is asked; beyond, and for parts of pixels, the definition is written out on colours."""


class Labelled(NamedTuple):
    """The pixels that are in clusters."""

    coords: Floats  # [n, 3], in the space of the clustering
    weights: Floats  # [n]: parts of a pixel
    labels: NDArray[Any]  # [n]: 0..k-1, some of which may have no pixel

    @property
    def plain(self) -> bool:
        """Whether every pixel is a whole one: others know no weights."""
        return bool((self.weights == 1).all())

    def means(self, clusters: int) -> Floats:
        """f64[k, 3]; NaN where a cluster has no pixel."""
        found = np.full((clusters, 3), np.nan)
        for label in np.unique(self.labels):
            mine = self.labels == label
            found[label] = np.average(self.coords[mine], axis=0, weights=self.weights[mine])
        return found


def inertia(found: Labelled, centers: Floats) -> float:
    """Sum of the squared distances to the centres f64[k, 3]."""
    return float((found.weights[:, None] * (found.coords - centers[found.labels]) ** 2).sum())


def silhouette(found: Labelled) -> float | None:
    """The mean over the pixels; a colour that weighs w is w pixels of it, where alpha is a weight."""
    used = np.unique(found.labels)
    if len(used) < 2:
        return None
    if found.plain and len(used) < len(found.labels) <= MOST_PIXELS:
        return float(silhouette_score(cdist(found.coords, found.coords), found.labels, metric="precomputed"))
    points, back = np.unique(found.coords, axis=0, return_inverse=True)
    weights = np.bincount(back.reshape(-1), found.weights)
    labels = np.empty(len(points), np.int64)
    labels[back.reshape(-1)] = found.labels
    inside = labels[:, None] == used
    masses, sums = weights @ inside, (cdist(points, points) * weights) @ inside
    own = inside.argmax(axis=1)
    near = np.where(masses[own] > 1, sums[inside], 0) / np.maximum(masses[own] - 1, 1e-300)
    other = np.where(inside, np.inf, sums / masses).min(axis=1)
    each = np.where(masses[own] > 1, (other - near) / np.maximum(np.maximum(near, other), 1e-300), 0.0)
    return float(np.average(each, weights=weights))


def bic(found: Labelled, step: float) -> float:
    """-2 ln L + p ln N of spherical Gaussians of one variance, which is at least that of rounding to `step`."""
    used, labels = np.unique(found.labels, return_inverse=True)
    masses, pixels = np.bincount(labels, found.weights), found.weights.sum()
    within = inertia(Labelled(found.coords, found.weights, labels), Labelled(*found[:2], labels).means(len(used)))
    variance = max(within / (3 * pixels), step**2 / 12)
    likelihood = (masses * np.log(masses / pixels)).sum()
    likelihood -= 1.5 * pixels * np.log(2 * np.pi * variance) + within / (2 * variance)
    return float(-2 * likelihood + 4 * len(used) * np.log(pixels))


def indices(found: Labelled, step: float) -> tuple[float | None, float | None]:
    """Calinski-Harabasz and Davies-Bouldin; none for one cluster, or for as many as pixels.

    Where all clusters are single colours, 1 and 0, as in scikit-learn where nothing is lost in rounding.
    """
    used, labels = np.unique(found.labels, return_inverse=True)
    pixels, count = found.weights.sum(), len(used)
    if not 1 < count < pixels:
        return None, None
    means = Labelled(found.coords, found.weights, labels).means(count)
    within = inertia(Labelled(found.coords, found.weights, labels), means)
    if within < 1e-15 * pixels * step**2:
        return 1.0, 0.0
    masses = np.bincount(labels, found.weights)
    middle = np.average(found.coords, axis=0, weights=found.weights)
    between = (masses[:, None] * (means - middle) ** 2).sum()
    spreads = np.bincount(labels, found.weights * np.linalg.norm(found.coords - means[labels], axis=1)) / masses
    apart = cdist(means, means)
    np.fill_diagonal(apart, np.inf)
    worst = ((spreads[:, None] + spreads) / apart).max(axis=1).mean()
    ratio = between * (pixels - count) / (within * (count - 1))
    if found.plain:  # scikit-learn's distances have half of the digits
        assert ratio == pytest.approx(calinski_harabasz_score(found.coords, labels), rel=1e-9)
        assert worst == pytest.approx(davies_bouldin_score(found.coords, labels), rel=1e-6)
    return float(ratio), float(worst)


def check_candidate(told: dict[str, Any], found: Labelled, centers: Floats | None, step: float) -> None:
    """An entry of a curve against the labelling that it is of.

    `centers` f64[k, 3] are those that its inertia is around; None where they are not known.
    """
    ratio, worst = indices(found, step)
    exact = {"rel": 1e-8, "abs": 1e-9 * float(found.weights.sum()) * step**2}
    if centers is not None:
        assert told["inertia"] == pytest.approx(inertia(found, centers), **exact)
    assert told["silhouette"] == near(silhouette(found), abs=1e-9)
    assert told["calinski_harabasz"] == near(ratio, rel=1e-7)
    assert told["davies_bouldin"] == near(worst, rel=1e-8, abs=1e-9)
    assert told["bic"] == pytest.approx(bic(found, step), rel=1e-9, abs=1e-6)


def near(value: float | None, **bounds: float) -> Any:
    """What is equal to the value up to rounding; None to None alone."""
    return None if value is None else pytest.approx(value, **bounds)
