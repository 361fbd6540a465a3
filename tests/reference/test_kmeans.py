"""KMeans against scikit-learn on every pixel."""

import numpy as np
import pytest
from sklearn.cluster import KMeans

from shared.contract.params import ColorSpace, KMeansParams
from tests.support.weighted import by_pixel, photograph, pixels_of, scattered
from worker.clustering import cluster
from worker.clustering.kmeans.details import KMeansDetails
from worker.color.counting import count_colors
from worker.color.points import Points
from worker.color.spaces import centers_from_srgb


def assert_equal_runs(points: Points, init: np.ndarray, **others: float) -> None:
    """From `init`, labels, iterations, centres and inertia are scikit-learn's on the repeated pixels."""
    params = KMeansParams(init=init.tolist(), **others)
    found = cluster(points, params)
    assert isinstance(found.details, KMeansDetails)
    expected = KMeans(
        len(init), init=centers_from_srgb(points, init), n_init=1, tol=params.tol, max_iter=params.max_iter
    ).fit(pixels_of(points))
    assert found.details.iterations == expected.n_iter_
    np.testing.assert_array_equal(by_pixel(points, found.labels), expected.labels_)
    assert found.details.inertia == pytest.approx(expected.inertia_, rel=1e-9)
    np.testing.assert_allclose(found.centers, expected.cluster_centers_, rtol=1e-9, atol=1e-9)


def colors_near(points: Points, size: int, seed: int) -> np.ndarray:
    """First centres at random colours, off the lattice, so that no two of them are equally far from a colour."""
    random = np.random.default_rng(seed)
    return np.clip(points.coords[random.permutation(len(points))[:size]] + random.random((size, 3)), 0, 255)


@pytest.mark.parametrize("standardize", [False, True])
@pytest.mark.parametrize("space", ["rgb", "lab", "oklab"])
@pytest.mark.parametrize("size", [1, 2, 7, 40])
def test_a_photograph_from_given_centres(size: int, space: ColorSpace, standardize: bool) -> None:
    """In every space, standardised or not, the run is scikit-learn's, its stop by tolerance included."""
    plain = photograph(120, 80)
    colors = count_colors(plain.coords.astype(np.uint8)[np.repeat(np.arange(len(plain)), plain.weights)][None])
    assert_equal_runs(colors.points(space, standardize), colors_near(plain, size, size))


@pytest.mark.parametrize("case", [{"tol": 0.0}, {"tol": 1e-2}, {"max_iter": 1}, {"max_iter": 3}])
@pytest.mark.parametrize("most", [1, 3, 400])
def test_scattered_points_from_given_centres(most: int, case: dict[str, float]) -> None:
    """Stopped by convergence, by tolerance or by the number of iterations, light points or heavy ones."""
    points = scattered(most, 600, most)
    assert_equal_runs(points, colors_near(points, 12, most), **case)


@pytest.mark.parametrize("heaviest", [1, 5])
@pytest.mark.parametrize("lost", [1, 2])
def test_empty_clusters_move_to_the_farthest_pixels(lost: int, heaviest: int) -> None:
    """Centres that win no pixel are relocated, pixel by pixel, as scikit-learn does it."""
    points = scattered(lost, 300, heaviest)
    init = colors_near(points, 6, 3)
    init[2 : 2 + lost] = init[0]
    assert_equal_runs(points, init, tol=0.0)


def test_many_empty_clusters_differ_from_scikit_learn_in_their_numbers_only() -> None:
    """Six clusters that run empty at once end with scikit-learn's centres, in whatever order."""
    points = scattered(7, 300, 1)
    init = colors_near(points, 9, 3)
    init[3:] = init[0]
    found = cluster(points, KMeansParams(init=init.tolist(), tol=0))
    assert isinstance(found.details, KMeansDetails)
    peer = KMeans(9, init=init, n_init=1, tol=0).fit(pixels_of(points))
    centers, others = (np.array(sorted(one.tolist())) for one in (found.centers, peer.cluster_centers_))
    np.testing.assert_allclose(centers, others, rtol=1e-9)
    assert found.details.inertia == pytest.approx(peer.inertia_, rel=1e-9)
    assert found.details.iterations == peer.n_iter_


def test_copies_of_a_far_colour_take_in_several_empty_clusters() -> None:
    """Two empty clusters move to two pixels of the same colour, if those are the farthest."""
    points = scattered(4, 100, 1)
    far = Points(
        np.append(points.coords / 8, [[250.5, 240.25, 230.125]], axis=0),
        np.append(points.weights, 3),
        np.append(points.first, 100),
    )
    init = colors_near(Points(far.coords[:100], far.weights[:100], far.first[:100]), 5, 0)
    init[1] = init[2] = init[0]
    assert_equal_runs(far, init, tol=0.0)


@pytest.mark.parametrize("size", [4, 16, 64])
def test_from_k_means_plus_plus_it_ends_no_higher(size: int) -> None:
    """Over some seeds, the mean inertia is no higher than that of scikit-learn's default on all pixels."""
    points = photograph(90, 60)
    seeds = range(4)
    ours = [cluster(points, KMeansParams(n_clusters=size, seed=seed)).details for seed in seeds]
    pixels = pixels_of(points)
    theirs = [KMeans(size, random_state=seed).fit(pixels).inertia_ for seed in seeds]
    inertias = [details.inertia for details in ours if isinstance(details, KMeansDetails)]
    assert len(inertias) == len(theirs)
    assert np.mean(inertias) <= np.mean(theirs)
