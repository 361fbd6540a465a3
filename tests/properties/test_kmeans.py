"""What holds for KMeans from given centres, whatever the points."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from shared.contract.params import KMeansParams
from tests.support.weighted import lattice, scattered, split_in_two
from worker.clustering import cluster
from worker.clustering.kmeans.details import KMeansDetails
from worker.color.points import Points

seeds = st.integers(0, 2**32 - 1)
sizes = st.integers(1, 120)
few = settings(max_examples=25, deadline=None)


def run(points: Points, centers: NDArray[np.float64]) -> tuple[NDArray[np.int32], float, int]:
    clustering = cluster(points, KMeansParams(init=centers.tolist(), tol=0))
    assert isinstance(clustering.details, KMeansDetails)
    return clustering.labels, clustering.details.inertia, clustering.details.iterations


def first_centers(points: Points, seed: int) -> NDArray[np.float64]:
    """Up to eight of the points, so that ties abound."""
    return points.coords[np.random.default_rng(seed).permutation(len(points))[:8]]


@few
@given(seeds, sizes)
def test_splitting_a_count_into_copies_changes_nothing(seed: int, size: int) -> None:
    """A colour given as two points of the same place counts as one."""
    points = lattice(seed, size)
    centers = first_centers(points, seed)
    split, heavy = split_in_two(points)
    labels, inertia, iterations = run(points, centers)
    labels_of_split, inertia_of_split, iterations_of_split = run(split, centers)
    np.testing.assert_array_equal(labels_of_split, np.concatenate([labels, labels[heavy]]))
    np.testing.assert_allclose(inertia_of_split, inertia, rtol=1e-12)
    assert iterations_of_split == iterations


@few
@given(seeds, sizes)
def test_permuting_the_colours_changes_nothing(seed: int, size: int) -> None:
    """The order in which the colours come decides nothing, not even among ties."""
    points = lattice(seed, size)
    centers = first_centers(points, seed)
    mixed = np.random.default_rng(seed).permutation(size)
    labels, inertia, iterations = run(points, centers)
    other = run(Points(points.coords[mixed], points.weights[mixed], points.first[mixed]), centers)
    np.testing.assert_array_equal(other[0], labels[mixed])
    np.testing.assert_allclose(other[1], inertia, rtol=1e-12)
    assert other[2] == iterations


@few
@given(seeds, st.integers(1, 700))
def test_permuting_the_colours_changes_no_start(seed: int, size: int) -> None:
    """Nor does it with centres that are drawn: the same result to the last bit, where many points share a cell too."""
    plain_points = scattered(seed, size)
    points = Points(plain_points.coords**3 / 255**2, plain_points.weights, plain_points.first)
    mixed = np.random.default_rng(seed).permutation(size)
    params = KMeansParams(n_clusters=min(size, 9), seed=seed % 100, n_init=1)
    plain = cluster(points, params)
    other = cluster(Points(points.coords[mixed], points.weights[mixed], points.first[mixed]), params)
    np.testing.assert_array_equal(other.labels, plain.labels[mixed])
    assert other.centers.tobytes() == plain.centers.tobytes()


@few
@given(seeds, sizes, st.permutations(range(3)), st.floats(0, 120))
def test_an_isometry_changes_no_label(seed: int, size: int, axes: list[int], shift: float) -> None:
    """Points without ties, their axes swapped and shifted, have the same labels and inertia."""
    plain = scattered(seed, size)
    points = Points(plain.coords / 2, plain.weights, plain.first)
    centers = first_centers(points, seed)
    labels, inertia, _ = run(points, centers)
    turned = Points(points.coords[:, axes] + shift, points.weights, points.first)
    labels_of_turned, inertia_of_turned, _ = run(turned, centers[:, axes] + shift)
    np.testing.assert_array_equal(labels_of_turned, labels)
    np.testing.assert_allclose(inertia_of_turned, inertia, rtol=1e-9, atol=1e-9)


@few
@given(seeds, sizes, st.integers(-8, 5))
def test_scaling_scales_the_inertia(seed: int, size: int, power: int) -> None:
    """Twice as large a space has four times the inertia, exactly, and the same labels."""
    points = lattice(seed, size)
    centers = first_centers(points, seed)
    labels, inertia, iterations = run(points, centers)
    scaled = Points(points.coords * 2.0**power, points.weights, points.first)
    labels_of_scaled, inertia_of_scaled, iterations_of_scaled = run(scaled, centers * 2.0**power)
    np.testing.assert_array_equal(labels_of_scaled, labels)
    assert inertia_of_scaled == inertia * 4.0**power
    assert iterations_of_scaled == iterations
