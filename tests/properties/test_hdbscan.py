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


@settings(max_examples=25, deadline=None)
@given(st.booleans(), st.integers(0, 10**6), st.integers(8, 20), st.integers(2, 5))
def test_sizes_are_chosen_by_their_definition(tied: bool, seed: int, colors: int, least: int) -> None:
    """Of all sizes, each looked at on the repeated pixels, `auto` and `plscan` take the one that they should.

    With or without ties: the size, the clusters, and how stable each is.
    """
    points = lattice(seed, colors, side=5) if tied else scattered(seed, colors, most=3)
    reach = definition.reaches(pixels_of(points), min(3, points.pixels - 1))
    sizes = range(least, max(least, points.pixels // 2) + 1)
    wanted = {
        "auto": definition.most_apart(definition.condensed(reach, least), sizes),
        "plscan": definition.most_persistent(reach, sizes),
    }
    for method, (size, clusters) in wanted.items():
        params = HdbscanParams(min_samples=3, min_cluster_size=least, cluster_selection_method=method)
        found = cluster(points, params)
        assert isinstance(found.details, HdbscanDetails)
        assert found.details.min_cluster_size == size
        labels = by_pixel(points, found.labels)
        ours = [np.flatnonzero(labels == label) for label in range(len(found.centers))]
        assert {each.tobytes() for each in ours} == {each.tobytes() for each in clusters}
