"""Core distances: exact for every number of neighbours, in every space."""

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.support.weighted import lattice, photograph, scattered
from worker.clustering.core_distances import core_distances
from worker.color.points import Points
from worker.kernels import kdtree
from worker.kernels.quickselect import weighted_select
from worker.progress import Meter, Stopped


def tight_heaps() -> Points:
    """Two heaps of 400 points, a thousand apart and so narrow that single precision cannot order the distances."""
    random = np.random.default_rng(8)
    coords = np.repeat([[0.0, 0, 0], [600, 640, 480]], 400, axis=0) + random.normal(0, 0.0003, (800, 3))
    return Points(coords, random.integers(1, 4, 800) * np.repeat([1, 3], 400), np.arange(800))


CASES = {
    "scattered": scattered(1, 700),
    "lattice": lattice(2, 700, side=12),
    "photograph": photograph(48, 32),
    "oklab": photograph(48, 32, space="oklab"),
    "one heavy colour": Points(lattice(3, 60).coords, np.array([10_000] + [1] * 59), np.arange(60)),
    "two far heaps": Points(
        np.concatenate([lattice(4, 60).coords, 1e6 + lattice(5, 60).coords]), np.full(120, 3), np.arange(120)
    ),
    "two tight heaps": tight_heaps(),
    "sums beyond 32 bits": Points(scattered(9, 700).coords, scattered(9, 700).weights * 10**9, np.arange(700)),
}


def find(points: Points, min_samples: int, meter: Meter | None = None, leaf_size: int = 16) -> NDArray[np.float64]:
    tree = kdtree.build(points.coords.copy(), points.weights.copy(), leaf_size, np.zeros(2, np.int64))
    return core_distances(points, min_samples, meter or Meter(), tree)


def by_sorting(points: Points, min_samples: int, queries: NDArray[np.int64] | None = None) -> NDArray[np.float64]:
    """The same from all distances of each point, sorted; or of some points only."""
    found = []
    for i in np.arange(len(points)) if queries is None else queries:
        gap = points.coords - points.coords[i]
        squares = gap[:, 0] * gap[:, 0] + gap[:, 1] * gap[:, 1] + gap[:, 2] * gap[:, 2]
        order = np.argsort(squares)
        found.append(squares[order[np.searchsorted(np.cumsum(points.weights[order]), min_samples)]])
    return np.array(found)


@pytest.mark.parametrize("share", [0.0, 0.003, 0.05, 0.5, 1.0])
@pytest.mark.parametrize("case", CASES)
def test_core_distances_are_those_of_sorting_all_distances(case: str, share: float) -> None:
    """From one pixel to all of them, the squared core distance is the sorted one to the last bit."""
    points = CASES[case]
    min_samples = max(1, round(share * points.pixels))
    assert np.array_equal(find(points, min_samples), by_sorting(points, min_samples))


def test_a_selection_that_cannot_end_fails() -> None:
    """Asked for more weight than there is, the selection raises and does not run on."""
    values, weights = np.array([3.0, 1.0, 2.0]), np.array([1, 2, 3])
    assert weighted_select(values, weights, 3, 6) == 3.0
    with pytest.raises(ValueError, match="less than what is needed"):
        weighted_select(values, weights, 3, 7)


def test_many_points_for_each_query_are_exact() -> None:
    """Where queries go together in larger groups, as so many points matter to all of them, nothing changes."""
    points = scattered(10, 12_000)
    min_samples = round(0.2 * points.pixels)
    some = np.arange(0, len(points), 60)
    assert np.array_equal(find(points, min_samples)[some], by_sorting(points, min_samples, some))


def test_own_copies_count() -> None:
    """A colour with enough pixels of its own has core distance 0, one short of them reaches for its neighbour."""
    points = Points(np.array([[0.0, 0, 0], [3, 4, 0]]), np.array([5, 2]), np.arange(2))
    assert find(points, 5).tolist() == [0.0, 25.0]


def test_too_few_pixels_give_infinity() -> None:
    """Where the image has fewer pixels than asked for, no colour is dense at any distance."""
    points = Points(np.array([[0.0, 0, 0], [3, 4, 0]]), np.array([5, 2]), np.arange(2))
    assert np.isinf(find(points, 8)).all()
    assert np.array_equal(find(points, 7), [25.0, 25.0])


@pytest.mark.parametrize("leaf_size", [1, 5, 64])
def test_neither_threads_nor_leaves_decide_anything(leaf_size: int) -> None:
    """One thread or three, small leaves or large: the same bytes."""
    points = CASES["photograph"]
    assert np.array_equal(find(points, 40, Meter(threads=1)), find(points, 40, Meter(threads=3), leaf_size))


def test_a_stop_is_obeyed() -> None:
    """A report that says no ends the work with Stopped."""
    points = scattered(6, 60_000)
    with pytest.raises(Stopped):
        find(points, 20_000, Meter(lambda fraction: False))
