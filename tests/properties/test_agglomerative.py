"""What holds for agglomerative clustering of any points."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.cluster.hierarchy import linkage
from scipy.spatial.distance import cdist
from scipy.spatial.transform import Rotation

from shared.contract.params import AgglomerativeParams
from tests.support.weighted import lattice, pixels_of, scattered, split_in_two
from worker.clustering import cluster
from worker.clustering.agglomerative.engine import Merges, pairwise_linkage
from worker.color.points import Points
from worker.progress import Meter

seeds = st.integers(0, 2**32 - 1)
sizes = st.integers(1, 60)
linkages = pytest.mark.parametrize("method", ["ward", "single", "complete", "average"])
pairwise = pytest.mark.parametrize("method", ["complete", "average"])
few = settings(max_examples=15, deadline=None)
some = settings(max_examples=60, deadline=None)


def labels_and_heights(points: Points, method: str) -> tuple[np.ndarray, np.ndarray]:
    clustering = cluster(points, AgglomerativeParams(linkage=method))
    return clustering.labels, clustering.details.heights


@linkages
@few
@given(seeds, sizes, st.booleans())
def test_permuting_the_colours_changes_nothing(method: str, seed: int, size: int, ties: bool) -> None:
    """The order in which the colours come decides nothing, not even among ties."""
    points = lattice(seed, size) if ties else scattered(seed, size)
    mixed = np.random.default_rng(seed).permutation(size)
    labels, heights = labels_and_heights(points, method)
    other = Points(points.coords[mixed], points.weights[mixed], points.first[mixed])
    labels_of_mixed, heights_of_mixed = labels_and_heights(other, method)
    np.testing.assert_array_equal(labels_of_mixed, labels[mixed])
    np.testing.assert_array_equal(heights_of_mixed, heights)


@linkages
@few
@given(seeds, sizes)
def test_splitting_a_count_into_copies_changes_nothing(method: str, seed: int, size: int) -> None:
    """A colour given as two points of the same place merges at height 0 and leaves all else as it was."""
    points = scattered(seed, size)
    split, heavy = split_in_two(points)
    labels, heights = labels_and_heights(points, method)
    labels_of_split, heights_of_split = labels_and_heights(split, method)
    np.testing.assert_allclose(heights_of_split[len(heavy) :], heights, rtol=1e-9)
    assert not heights_of_split[: len(heavy)].any()
    if size >= 5:
        np.testing.assert_array_equal(labels_of_split[:size], labels)
        np.testing.assert_array_equal(labels_of_split[size:], labels[heavy])


@linkages
@few
@given(seeds, sizes)
def test_an_isometry_changes_no_label(method: str, seed: int, size: int) -> None:
    """Turned and shifted points have the same labels and heights."""
    points = scattered(seed, size)
    turn = Rotation.random(rng=np.random.default_rng(seed)).as_matrix()
    turned = points.coords @ turn + np.array([5.0, -3.0, 40.0])
    labels, heights = labels_and_heights(points, method)
    labels_of_turned, heights_of_turned = labels_and_heights(Points(turned, points.weights, points.first), method)
    np.testing.assert_array_equal(labels_of_turned, labels)
    np.testing.assert_allclose(heights_of_turned, heights, rtol=1e-9)


@linkages
@few
@given(seeds, sizes, st.integers(-8, 8))
def test_scaling_scales_the_heights(method: str, seed: int, size: int, power: int) -> None:
    """Twice as large a space has heights twice as large, exactly, and the same labels."""
    points = scattered(seed, size)
    labels, heights = labels_and_heights(points, method)
    scaled = Points(points.coords * 2.0**power, points.weights, points.first)
    labels_of_scaled, heights_of_scaled = labels_and_heights(scaled, method)
    np.testing.assert_array_equal(labels_of_scaled, labels)
    np.testing.assert_array_equal(heights_of_scaled, heights * 2.0**power)


def merged(points: Points, method: str, most: int) -> Merges:
    """Complete or average linkage with all distances of the last `most` clusters only."""
    order = np.argsort(points.first)
    return pairwise_linkage(points.coords[order], points.weights[order], method == "average", Meter(), most)


@pairwise
@some
@given(seeds, st.integers(2, 200), st.integers(1, 50), st.sampled_from([1, 40]))
def test_few_distances_give_scipys_heights(method: str, seed: int, size: int, most: int, heaviest: int) -> None:
    """However few clusters all distances are taken of, heights are scipy's on the pixels: complete ones to the bit."""
    points = scattered(seed, size, heaviest)
    expected = linkage(pixels_of(points), method)[points.pixels - size :, 2]
    np.testing.assert_allclose(
        merged(points, method, most).heights, expected, rtol=0 if method == "complete" else 1e-12
    )


def aligned(seed: int, size: int, side: int, axes: int, heaviest: int) -> Points:
    """Points of a lattice in space, on a plane or on a line, where the bounds of distances touch what they bound."""
    random = np.random.default_rng(seed)
    lengths = (side,) * axes if axes > 1 else (side**2,)
    keys = random.choice(np.prod(lengths), min(size, np.prod(lengths)), replace=False)
    steps = np.column_stack(np.unravel_index(keys, lengths)).astype(np.float64)
    coords = steps @ np.array([[1.0, 1.0, 1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])[:axes]
    return Points(coords, random.integers(1, heaviest + 1, len(keys)), random.permutation(len(keys)))


@pairwise
@some
@given(
    points=st.builds(
        aligned, seeds, st.integers(2, 120), st.integers(5, 12), st.integers(1, 3), st.sampled_from([1, 4, 10**6])
    ),
    most=st.integers(1, 50),
    scale=st.sampled_from([1.0, 0.3]),
)
def test_every_merge_is_the_lowest_there_is(method: str, points: Points, most: int, scale: float) -> None:
    """Ties or not, each merge is of two clusters that stand, at their height, and no other pair has a lower one.

    Judged by sums over all pairs of pixels, or the greatest distance, of all clusters that stand.
    """
    points = Points(points.coords * scale, points.weights, points.first)
    order = np.argsort(points.first)
    coords, weights = points.coords[order], points.weights[order].astype(np.float64)
    merges = merged(points, method, most)
    size, pairs = len(coords), cdist(coords, coords)
    if method == "average":
        pairs *= weights[:, np.newaxis] * weights
    standing = np.arange(size)  # the clusters' ids, by row of `pairs`
    for i, merge in enumerate(merges.parts):
        apart = pairs / (weights[:, np.newaxis] * weights) if method == "average" else pairs.copy()
        np.fill_diagonal(apart, np.inf)
        one, other = (int(np.flatnonzero(standing == part)[0]) for part in merge)
        assert merges.heights[i] == pytest.approx(apart[one, other], rel=1e-12)
        assert merges.heights[i] == pytest.approx(apart.min(), rel=1e-12)
        together = pairs[one] + pairs[other] if method == "average" else np.maximum(pairs[one], pairs[other])
        pairs[one], pairs[:, one] = together, together
        weights[one] += weights[other]
        standing[one] = size + i
        left = np.arange(len(standing)) != other
        pairs, weights, standing = pairs[left][:, left], weights[left], standing[left]
