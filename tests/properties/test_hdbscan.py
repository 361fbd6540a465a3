"""What must hold for HDBSCAN on any colours at all."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from shared.contract.params import HdbscanParams
from tests.support.hdbscan_definition import by_excess_of_mass, reaches
from tests.support.weighted import by_pixel, pixels_of, scattered
from worker.clustering import Clustering, cluster
from worker.clustering.hdbscan.details import HdbscanDetails
from worker.color.points import Points
from worker.kernels.condense import enlarge

COLORS = st.lists(
    st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=60, unique=True
)
METHODS = st.sampled_from(["auto", "eom", "leaf"])
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
@given(st.integers(0, 10**6), st.integers(8, 24), st.integers(2, 5))
def test_auto_is_the_best_of_all_sizes(seed: int, colors: int, least: int) -> None:
    """The size that `auto` names has the most merit of all, each found from the definition on the repeated pixels.

    And its answer is that of `eom` at this size.
    """
    points = scattered(seed, colors, most=4)
    reach = reaches(pixels_of(points), min(3, points.pixels - 1))
    merits = [by_excess_of_mass(reach, size).merit for size in range(least, points.pixels + 1)]
    found = cluster(points, HdbscanParams(min_samples=3, min_cluster_size=least))
    assert isinstance(found.details, HdbscanDetails)
    size, separation = found.details.min_cluster_size, found.details.separation
    assert size is not None
    assert separation is not None
    again = HdbscanParams(min_samples=3, min_cluster_size=size, cluster_selection_method="eom")
    assert same(found, cluster(points, again))
    covered = (by_pixel(points, found.labels) >= 0).mean()
    assert covered * separation == pytest.approx(max(merits), abs=1e-12)


@bounded
@given(COLORS, st.integers(0, 99), st.integers(2, 9), st.integers(1, 9))
def test_a_tree_is_enlarged_as_if_condensed_anew(
    colors: list[tuple[int, int, int]], seed: int, least: int, more: int
) -> None:
    """From the condensed tree of one size comes that of a larger one: pixels, stabilities and parents of each."""
    points = weighted(colors, seed)
    params = {"min_samples": 4, "cluster_selection_method": "leaf"}
    small, large = (
        cluster(points, HdbscanParams(min_cluster_size=size, **params)).details.condensed
        for size in (least, least + more)
    )
    parent, pixels, stability = enlarge(small.parent, small.pixels, small.stability, least + more)
    made = sorted(zip(pixels, pixels[parent], stability, strict=True))
    assert np.allclose(made, sorted(zip(large.pixels, large.pixels[large.parent], large.stability, strict=True)))
