"""KMeans with centres that do not move: exactly what a plain search of all pairs finds."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.contract.params import ColorSpace, KMeansParams
from tests.support.weighted import lattice, photograph, scattered
from worker.clustering.base import Clustering
from worker.clustering.kmeans import engine, lloyd
from worker.clustering.kmeans.details import KMeansDetails
from worker.clustering.kmeans.grids import grid_over
from worker.clustering.kmeans.swaps import improved
from worker.color import spaces
from worker.color.counting import count_colors
from worker.color.points import Points
from worker.progress import Meter


def plain_lloyd(points: Points, centers: np.ndarray, fixed: int, iterations: int) -> np.ndarray:
    """Labels after some iterations that compare all with all; the centres after the first `fixed` are not empty."""
    for _ in range(iterations):
        labels = ((points.coords[:, None] - centers) ** 2).sum(axis=2).argmin(axis=1)
        moved = centers.copy()
        for j in range(fixed, len(centers)):
            own = labels == j
            assert own.any()
            moved[j] = (points.weights[own, None] * points.coords[own]).sum(axis=0) / points.weights[own].sum()
        centers = moved
    return ((points.coords[:, None] - centers) ** 2).sum(axis=2).argmin(axis=1)


def run(points: Points, fixed: np.ndarray, threads: int | None = None, **params: object) -> Clustering:
    return engine.run(points, KMeansParams(**params), Meter(threads=threads), fixed.tolist())


def inertia_of(found: Clustering) -> float:
    assert isinstance(found.details, KMeansDetails)
    return found.details.inertia


@pytest.mark.parametrize("space", ["rgb", "oklab"])
@pytest.mark.parametrize("fixed", [1, 3, 8])
def test_lists_and_bounds_change_no_label(fixed: int, space: ColorSpace) -> None:
    """On a photograph, after up to 25 iterations, the labels are those of comparing all with all."""
    points = photograph(90, 60, space)
    colors = photograph(90, 60).coords[:: len(points) // 11][:11] + 0.25 * np.sin(np.arange(11))[:, None]
    colors = np.clip(colors, 0, 255)
    free = colors[fixed:].tolist()
    found = run(points, colors[:fixed], n_clusters=len(free), init=free, color_space=space, tol=0, max_iter=25)
    assert isinstance(found.details, KMeansDetails)
    centers = spaces.centers_from_srgb(points, colors)
    np.testing.assert_array_equal(found.labels, plain_lloyd(points, centers, fixed, found.details.iterations))
    np.testing.assert_array_equal(found.centers[:fixed], centers[:fixed])


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(3, 90), st.integers(1, 2), st.integers(1, 4))
def test_among_ties_the_lowest_label_wins(seed: int, size: int, fixed: int, iterations: int) -> None:
    """On a lattice full of equal distances, whichever centres are fixed."""
    points = lattice(seed, size)
    centers = points.coords[np.random.default_rng(seed).permutation(size)[:6]]
    free = centers[fixed:].tolist()
    if not free:
        return
    found = run(points, centers[:fixed], n_clusters=len(free), init=free, tol=0, max_iter=iterations)
    assert isinstance(found.details, KMeansDetails)
    expected = plain_lloyd(points, centers, fixed, found.details.iterations)
    np.testing.assert_array_equal(found.labels, expected)


@pytest.mark.parametrize("space", ["rgb", "lab"])
def test_found_centres_are_means_and_fixed_ones_stay(space: ColorSpace) -> None:
    """From k-means++: n_clusters in all, the fixed first; each pixel has its nearest, each found one is its mean."""
    points = photograph(90, 60, space)
    fixed = np.array([[200.0, 30, 30], [20, 20, 200]])
    found = run(points, fixed, n_clusters=7, color_space=space, tol=0)
    assert found.centers.shape == (7, 3)
    np.testing.assert_array_equal(found.centers[:2], spaces.centers_from_srgb(points, fixed))
    away = ((points.coords[:, None] - found.centers) ** 2).sum(axis=2)
    np.testing.assert_array_equal(found.labels, away.argmin(axis=1))
    means = points.means(np.maximum(found.labels - 2, -1), 5)
    np.testing.assert_allclose(found.centers[2:], means, rtol=1e-9)
    assert inertia_of(found) == pytest.approx((points.weights * away.min(axis=1)).sum(), rel=1e-9)


def test_what_is_found_leaves_out_what_the_fixed_have() -> None:
    """Centres fixed where KMeans put them leave it the others: the inertia is that of the whole run."""
    points = photograph(90, 60)
    whole = engine.run(points, KMeansParams(n_clusters=8, tol=0), Meter())
    again = run(points, whole.centers[:5], n_clusters=8, tol=0)
    assert inertia_of(again) <= 1.02 * inertia_of(whole)


def test_a_far_centre_that_is_fixed_costs_no_more_than_its_place() -> None:
    """With one centre where no pixel is, the others are as good as a run of one cluster less, and it stays."""
    points = Points(scattered(3, 500).coords / 3, scattered(3, 500).weights, np.arange(500))
    found = run(points, np.array([[255.0, 255, 255]]), n_clusters=6, tol=0)
    assert not (found.labels == 0).any()
    assert len(found.centers) == 6
    five = engine.run(points, KMeansParams(n_clusters=5, tol=0), Meter())
    assert inertia_of(found) <= 1.02 * inertia_of(five)


def test_a_wide_cluster_around_a_fixed_centre_is_cut() -> None:
    """Pixels in two far places, and a fixed centre between them: the free ones go to the places, not to one of them."""
    random = np.random.default_rng(0)
    coords = np.concatenate([random.normal((40, 40, 40), 2, (200, 3)), random.normal((220, 220, 220), 2, (200, 3))])
    points = Points(coords, np.ones(400), np.arange(400))
    found = run(points, np.array([[130.0, 130, 130]]), n_clusters=3, n_init=1)
    assert not (found.labels == 0).any()
    assert sorted(np.bincount(found.labels).tolist()) == [0, 200, 200]


def test_a_swap_takes_a_centre_to_the_far_half_of_a_fixed_one() -> None:
    """Of two free centres in one place one goes to the pixels that a fixed centre has far from it; that one stays."""
    random = np.random.default_rng(0)
    coords = np.concatenate([random.normal((40, 40, 40), 2, (200, 3)), random.normal((220, 220, 220), 2, (200, 3))])
    cells = grid_over(Points(coords, np.ones(400), np.arange(400)).coords, np.ones(400, np.int64), 16, Meter())
    between = np.array([[130.0, 130, 130], [39, 39, 39], [41, 41, 41]])
    stuck = lloyd.Lloyd(cells, 3, fixed=1).run(between, 0, 300, Meter())
    assert stuck.mass.tolist()[0] == 200
    found = improved(cells, stuck, Meter())
    np.testing.assert_array_equal(found.centers[0], between[0])
    assert found.mass.tolist() == [0, 200, 200]
    assert found.inertia < stuck.inertia / 100


@pytest.mark.parametrize("size", [1, 2, 3, 6])
def test_fewer_colours_than_clusters(size: int) -> None:
    """Fixed centres stay, with a colour or without; of the others there are at most as many as colours."""
    points = Points(np.array([[0.0, 0, 0], [9, 9, 9], [90, 0, 0]]), np.array([1, 2, 3]), np.arange(3))
    fixed = np.array([[0.0, 0, 0], [200, 200, 200], [9, 9, 9], [5, 80, 5], [90, 0, 0], [1, 1, 1]])[:size]
    found = run(points, fixed, n_clusters=12)
    np.testing.assert_array_equal(found.centers[:size], fixed)
    assert size <= len(found.centers) <= size + 3
    assert inertia_of(found) == 0
    assert set(range(size, len(found.centers))) <= set(found.labels.tolist())


@pytest.mark.parametrize("standardize", [False, True])
def test_a_free_centre_for_each_colour_is_all_that_is_needed(standardize: bool) -> None:
    """Of a few pixels each has a centre of its own colour, however many centres are free, fixed ones near or not."""
    for seed in range(60):
        random = np.random.default_rng(seed)
        colors = random.integers(0, 256, (random.integers(3, 12), 3)).astype(np.uint8)
        copies = random.integers(1, 5, len(colors))  # the mean of several may differ from each by rounding
        points = count_colors(np.repeat(colors, copies, axis=0)[None]).points("rgb", standardize)
        fixed = random.integers(0, 256, (2, 3)).astype(np.float64)
        for free in (len(points), 40):
            found = run(points, fixed, n_clusters=2 + free, n_init=1)
            assert inertia_of(found) == 0
            np.testing.assert_allclose(found.centers[found.labels], points.coords, atol=1e-12)


@pytest.mark.parametrize("space", ["rgb", "lab"])
def test_the_number_of_threads_changes_no_bit(space: ColorSpace, monkeypatch: pytest.MonkeyPatch) -> None:
    """Equal to the last bit on one thread and on three."""
    monkeypatch.setattr(lloyd, "_PIECE", 300)
    monkeypatch.setattr(lloyd, "_WORTH_THREADS", 0)
    points = photograph(90, 60, space)
    fixed = np.array([[200.0, 30, 30], [20, 20, 200], [0, 255, 0]])
    one, many = (run(points, fixed, threads, n_clusters=20, tol=0) for threads in (1, 3))
    np.testing.assert_array_equal(one.labels, many.labels)
    assert one.centers.tobytes() == many.centers.tobytes()
