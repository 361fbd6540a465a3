"""Inertia, Calinski-Harabasz, Davies-Bouldin and BIC against scikit-learn and scipy on every pixel."""

import numpy as np
import pytest
from scipy.stats import multivariate_normal
from sklearn.cluster import KMeans
from sklearn.metrics import calinski_harabasz_score, davies_bouldin_score

from tests.support.labelled import bytes_of, nearest_of, summed, with_noise
from tests.support.weighted import by_pixel, lattice, photograph, pixels_of, scattered
from worker.color.points import Points
from worker.quality.indices import indices

CASES = {
    "light": bytes_of(scattered(1, 300, most=3)),
    "heavy": bytes_of(scattered(2, 120, most=60)),
    "lattice": lattice(4, 180),
    "photograph": photograph(60, 40),
    "lab": photograph(60, 40, "lab"),
}


@pytest.mark.parametrize("clusters", [2, 3, 9, 40])
@pytest.mark.parametrize("case", CASES)
def test_they_are_scikit_learns_on_the_pixels(case: str, clusters: int) -> None:
    """On the repeated pixels of any image, for few clusters or many, with noise left out."""
    points = CASES[case]
    for labels in (nearest_of(points, clusters), with_noise(nearest_of(points, clusters))):
        mine = by_pixel(points, labels)
        pixels, mine = pixels_of(points)[mine >= 0], mine[mine >= 0]
        (found,) = indices(*summed(points, labels), resolution=1.0)
        assert found.n_clusters == len(np.unique(mine))
        assert found.calinski_harabasz == pytest.approx(calinski_harabasz_score(pixels, mine), rel=1e-9)
        assert found.davies_bouldin == pytest.approx(davies_bouldin_score(pixels, mine), rel=1e-9)


def test_the_inertia_is_scikit_learns() -> None:
    """Where KMeans has converged, the inertia is what it says of itself."""
    points = CASES["photograph"]
    peer = KMeans(6, random_state=0, n_init=1, tol=0).fit(points.coords, sample_weight=points.weights)
    (found,) = indices(*summed(points, peer.labels_.astype(np.int32)), resolution=1.0)
    assert found.inertia == pytest.approx(peer.inertia_, rel=1e-9)


@pytest.mark.parametrize("clusters", [1, 2, 7])
@pytest.mark.parametrize("case", CASES)
def test_the_bic_is_that_of_spherical_gaussians(case: str, clusters: int) -> None:
    """-2 ln L + p ln N, with the likelihood as scipy has it, pixel by pixel."""
    points = CASES[case]
    labels = nearest_of(points, clusters)
    (found,) = indices(*summed(points, labels), resolution=1e-3)
    pixels, mine = pixels_of(points), by_pixel(points, labels)
    means = np.stack([pixels[mine == j].mean(axis=0) for j in range(clusters)])
    variance = np.square(pixels - means[mine]).mean()
    likelihood = sum(
        (multivariate_normal.logpdf(pixels[mine == j], means[j], variance) + np.log((mine == j).mean())).sum()
        for j in range(clusters)
    )
    parameters = (clusters - 1) + 3 * clusters + 1
    assert found.bic == pytest.approx(-2 * likelihood + parameters * np.log(len(pixels)), rel=1e-9)


def test_thousands_of_clusters_are_compared_some_at_a_time() -> None:
    """Davies-Bouldin is scikit-learn's for more clusters than are compared at once."""
    points = CASES["photograph"]
    labels = nearest_of(points, 1100)
    (found,) = indices(*summed(points, labels), resolution=1.0)
    expected = davies_bouldin_score(pixels_of(points), by_pixel(points, labels))
    assert found.davies_bouldin == pytest.approx(expected, rel=1e-9)


def test_several_labellings_are_each_by_itself() -> None:
    """What is summed up in one pass over cells is what each labelling's own pass gives."""
    points: Points = CASES["photograph"]
    labelings = [nearest_of(points, clusters) for clusters in (2, 9, 1, 5, 14)]
    at_once = indices(*summed(points, *labelings), resolution=1.0)
    for found, labels in zip(at_once, labelings, strict=True):
        (alone,) = indices(*summed(points, labels), resolution=1.0)
        for name, value in vars(alone).items():
            assert vars(found)[name] == (value if value is None else pytest.approx(value, rel=1e-11)), name
