"""What must hold for HDBSCAN on any colours at all."""

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from shared.contract.params import HdbscanParams
from tests.support import hdbscan_definition as definition
from tests.support.weighted import by_pixel, lattice, pixels_of, scattered
from worker.clustering import Clustering, cluster
from worker.clustering.hdbscan.details import HdbscanDetails
from worker.color.points import Points
from worker.color.spaces import standardization

COLORS = st.lists(
    st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=60, unique=True
)
METHODS = st.sampled_from(["auto", "eom", "leaf", "plscan"])
bounded = settings(max_examples=40, deadline=None)


def weighted(colors: list[tuple[int, int, int]], seed: int) -> Points:
    """Small weights, some of them above min_samples."""
    random = np.random.default_rng(seed)
    weights = np.minimum(1 + random.pareto(1.0, len(colors)), 30).astype(np.int64)
    return Points(np.array(colors, np.float64), weights, random.permutation(len(colors)))


def run(points: Points, **params: Any) -> Clustering:
    return cluster(points, HdbscanParams(min_samples=4, min_cluster_size=8, **params))


def same(left: Clustering, right: Clustering, order: NDArray[np.int64] | None = None) -> bool:
    """Whether the labels are equal, number by number, after `order` has been applied to the left ones."""
    labels = left.labels if order is None else left.labels[order]
    return np.array_equal(labels, right.labels)


@bounded
@given(COLORS, st.integers(0, 99), METHODS)
def test_the_order_of_the_colours_changes_nothing(colors: list[tuple[int, int, int]], seed: int, method: str) -> None:
    """Permuted colours keep their labels, numbers included, and their probabilities."""
    points = weighted(colors, seed)
    order = np.random.default_rng(seed).permutation(len(points))
    permuted = Points(points.coords[order], points.weights[order], points.first[order])
    left, right = (run(each, cluster_selection_method=method) for each in (points, permuted))
    assert same(left, right, order)
    assert np.array_equal(left.details.probabilities[order], right.details.probabilities)


@bounded
@given(COLORS, st.integers(0, 99), METHODS)
def test_splitting_a_count_into_copies_changes_nothing(
    colors: list[tuple[int, int, int]], seed: int, method: str
) -> None:
    """A colour of w pixels gets the label that w points of one pixel on the same spot get."""
    points = weighted(colors, seed)
    copies = np.repeat(np.arange(len(points)), points.weights)
    first = np.argsort(np.argsort(points.first[copies], kind="stable"), kind="stable")
    split = Points(points.coords[copies], np.ones(len(copies), np.int64), first)
    left, right = (run(each, cluster_selection_method=method) for each in (points, split))
    assert same(left, right, copies)
    assert np.allclose(left.details.outlier_scores[copies], right.details.outlier_scores, rtol=0, atol=1e-12)


@bounded
@given(COLORS, st.integers(0, 99), st.permutations(range(3)))
def test_an_isometry_changes_no_label(colors: list[tuple[int, int, int]], seed: int, axes: list[int]) -> None:
    """Exchanged and mirrored axes and a shift leave all labels as they were."""
    points = weighted(colors, seed)
    moved = Points(17.0 - points.coords[:, axes] * np.array([1, -1, 1]), points.weights, points.first)
    assert same(run(points), run(moved))


@bounded
@given(COLORS, st.integers(0, 99), st.sampled_from([0.25, 2.0, 64.0]))
def test_scaling_scales_the_heights(colors: list[tuple[int, int, int]], seed: int, factor: float) -> None:
    """Twice the coordinates and the resolution give twice the heights and the same labels."""
    points = weighted(colors, seed)
    scaled = Points(factor * points.coords, points.weights, points.first)
    left, right = run(points, resolution=1.0), run(scaled, resolution=factor)
    assert same(left, right)
    assert np.array_equal(factor * left.details.heights, right.details.heights)
    assert np.array_equal(factor * left.details.core_distances, right.details.core_distances)


@bounded
@given(st.lists(st.integers(0, 40), min_size=8, unique=True), st.integers(0, 99), METHODS)
def test_standardized_greys_are_clustered_as_greys(greys: list[int], seed: int, method: str) -> None:
    """All axes of greys are scaled alike: rounding parts no two distances that were equal, and changes no label."""
    points = weighted([(grey, grey, grey) for grey in greys], seed)
    scaling = standardization(points.coords, points.weights)
    scaled = (points.coords - scaling.mean) / scaling.scale
    standardized = Points(scaled, points.weights, points.first, "rgb", scaling)
    assert same(*(run(each, cluster_selection_method=method) for each in (points, standardized)))


def few(tied: bool, seed: int, colors: int) -> tuple[Points, NDArray[np.float64]]:
    """Points with or without ties, few pixels on each, and how far these reach."""
    points = lattice(seed, colors, side=5) if tied else scattered(seed, colors, most=3)
    return points, definition.reaches(pixels_of(points), min(2, points.pixels - 1))


def found(points: Points, method: str, least: int) -> tuple[int, set[bytes]]:
    """The size that is chosen, and the pixels of each cluster."""
    params = HdbscanParams(min_samples=2, min_cluster_size=least, cluster_selection_method=method)
    clustering = cluster(points, params)
    assert isinstance(clustering.details, HdbscanDetails)
    assert clustering.details.min_cluster_size is not None
    labels = by_pixel(points, clustering.labels)
    return clustering.details.min_cluster_size, {
        np.flatnonzero(labels == label).tobytes() for label in range(len(clustering.centers))
    }


@settings(max_examples=50, deadline=None)
@given(st.booleans(), st.integers(0, 10**6), st.integers(8, 60), st.integers(2, 5))
def test_auto_takes_the_first_good_size_of_the_definition(tied: bool, seed: int, colors: int, least: int) -> None:
    """The size is the first of all that has four fifths of the most merit, and the clusters are those found there."""
    points, reach = few(tied, seed, colors)
    sizes = range(least, max(least, points.pixels // 2) + 1)
    size, clusters = definition.most_apart(definition.condensed(reach, least), sizes)
    assert found(points, "auto", least) == (size, {members.tobytes() for members in clusters})


@settings(max_examples=20, deadline=None)
@given(st.booleans(), st.integers(0, 10**6), st.integers(8, 20), st.integers(2, 5))
def test_plscan_takes_the_most_persistent_leaves_of_the_definition(
    tied: bool, seed: int, colors: int, least: int
) -> None:
    """Of all sizes, each condensed anew from the repeated pixels, the first whose leaves live longest, and these."""
    points, reach = few(tied, seed, colors)
    size, leaves = definition.most_persistent(reach, range(least, max(least, points.pixels // 2) + 1))
    assert found(points, "plscan", least) == (size, {members.tobytes() for members in leaves})
