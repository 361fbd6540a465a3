"""The indices' edges: one cluster, as many as pixels, equal colours, parts of pixels, threads."""

import numpy as np
import pytest

from tests.support.labelled import in_fifths, nearest_of, summed, with_noise
from tests.support.weighted import photograph, scattered
from worker.color.points import Points
from worker.quality import labelings
from worker.quality.indices import Indices, indices


def of(points: Points, labels: np.ndarray, threads: int | None = None) -> Indices:
    return indices(*summed(points, labels, threads=threads), resolution=1.0)[0]


def test_one_cluster_has_an_inertia_and_a_bic_only() -> None:
    """What compares clusters is None where there is one."""
    found = of(scattered(1, 30), np.zeros(30, np.int32))
    assert found.calinski_harabasz is found.davies_bouldin is None
    assert found.inertia > 0
    assert np.isfinite(found.bic)


def test_as_many_clusters_as_pixels_compare_nothing() -> None:
    """scikit-learn refuses them; here they are None, and the inertia is 0."""
    points = scattered(1, 5, most=1)
    found = of(points, np.arange(5, dtype=np.int32))
    assert found.calinski_harabasz is found.davies_bouldin is None
    assert found.inertia == 0


def test_clusters_of_one_colour_each_are_scikit_learns_limits() -> None:
    """Where nothing is left within the clusters it says 1 and 0; the BIC stays a number."""
    points = Points(np.array([[0.1, 0.2, 0.3], [9.7, 0, 0], [0, 7.3, 0]]), np.array([3, 1, 7]), np.arange(3))
    found = of(points, np.arange(3, dtype=np.int32))
    assert found.inertia == 0
    assert found.calinski_harabasz == 1
    assert found.davies_bouldin == 0
    assert np.isfinite(found.bic)


def test_two_clusters_in_one_place_are_told_apart_by_nothing() -> None:
    """All means equal: Davies-Bouldin is 0, as in scikit-learn."""
    points = Points(np.array([[1.0, 0, 0], [3, 0, 0], [2, 0, 0]]), np.array([1, 1, 2]), np.arange(3))
    assert of(points, np.array([0, 0, 1], np.int32)).davies_bouldin == 0


def test_all_noise_has_no_inertia() -> None:
    """Where nothing is clustered the inertia is 0 and nothing is compared."""
    labelled = labelings.label(scattered(1, 30), [np.full(30, -1, np.int32)], [2])
    found = indices(labelled, labelings.add_up(labelled, labelings.Meter()), resolution=1.0)[0]
    assert found == Indices(0, 0.0, None, None, 0.0, 0.0, np.log(1 / 4))


def test_the_unit_changes_nothing() -> None:
    """Pixels counted in fifths have the same measures."""
    points = scattered(5, 80)
    labels = nearest_of(points, 5)
    one, five = of(points, labels), of(in_fifths(points), labels)
    assert vars(five) == pytest.approx(vars(one), rel=1e-12)


def test_the_number_of_threads_changes_no_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a space whose sums are rounded, too."""
    monkeypatch.setattr(labelings, "_WORTH_THREADS", 0)
    monkeypatch.setattr(labelings, "_PIECE", 200)
    points = photograph(60, 40, "lab")
    labels = with_noise(nearest_of(points, 6))
    assert of(points, labels, threads=1) == of(points, labels, threads=3)
