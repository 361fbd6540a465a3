"""Agglomerative clustering: the dendrogram, the cut, the smallest cases, limits, threads, progress."""

import numpy as np
import pytest

from shared.contract.errors import TooManyColors
from shared.contract.params import AgglomerativeParams
from tests.support.weighted import lattice, photograph, scattered
from worker.clustering import Clustering, Stopped, cluster
from worker.clustering.agglomerative import engine as agglomerative
from worker.clustering.agglomerative.details import AgglomerativeDetails
from worker.color.counting import count_colors
from worker.color.points import Points

LINKAGES = ["ward", "single", "complete", "average"]


def merged(points: Points, threads: int | None = None, **params: object) -> tuple[Clustering, AgglomerativeDetails]:
    clustering = cluster(points, AgglomerativeParams(**params), threads=threads)
    assert isinstance(clustering.details, AgglomerativeDetails)
    return clustering, clustering.details


def points_of(coords: list[list[float]], weights: list[int]) -> Points:
    return Points(np.array(coords, np.float64), np.array(weights), np.arange(len(weights)))


@pytest.mark.parametrize("method", LINKAGES)
@pytest.mark.parametrize("points", [scattered(5, 200), lattice(6, 150)], ids=["scattered", "ties"])
def test_the_dendrogram_is_one_tree_of_all_points(points: Points, method: str) -> None:
    """Each cluster is a part once, parts come before the whole, pixels add up, and heights never fall."""
    _, details = merged(points, linkage=method)
    size = len(points)
    assert sorted(details.parts.ravel()) == list(range(2 * size - 2))
    assert (details.parts.max(axis=1) < np.arange(size, 2 * size - 1)).all()
    pixels = np.concatenate([points.weights, details.pixels])
    np.testing.assert_array_equal(pixels[details.parts].sum(axis=1), details.pixels)
    assert details.pixels[-1] == points.pixels
    assert (np.diff(details.heights) >= 0).all()


def test_ward_of_two_weighted_points() -> None:
    """The height of a merge is sqrt(2 a b / (a + b)) times the distance of the centres."""
    _, details = merged(points_of([[0, 0, 0], [3, 4, 0]], [2, 6]), n_clusters=1)
    assert details.heights.tolist() == [pytest.approx(5 * np.sqrt(2 * 2 * 6 / 8))]
    assert details.parts.tolist() == [[0, 1]]
    assert details.pixels.tolist() == [8]


def gradient() -> Points:
    """A grey ramp of 256 levels, 30 pixels each: neighbours are all equally far apart."""
    ramp = np.repeat(np.arange(256, dtype=np.uint8), 30).reshape(60, 128)
    return count_colors(np.repeat(ramp[:, :, np.newaxis], 3, axis=2)).points()


def scan() -> Points:
    """A black-and-white page: nearly all pixels white, some black, and a few of the greys at the letters' edges."""
    page = np.full((200, 150), 255, np.uint8)
    page[20:180:10, 10:140] = 0
    page[21:180:10, 10:140] = np.arange(1, 131)
    return count_colors(np.repeat(page[:, :, np.newaxis], 3, axis=2)).points()


@pytest.mark.parametrize(
    "points",
    [gradient(), scan(), lattice(4, 210), scattered(4, 210, most=10**6)],
    ids=["gradient", "scan", "lattice", "heavy"],
)
def test_every_merge_of_ward_is_the_lowest_there_is(points: Points) -> None:
    """Ties or not, each merge is of two clusters that stand, at their height, and no other pair has a lower one."""
    _, details = merged(points, linkage="ward")
    size = len(points)
    centers, weights = np.zeros((2 * size - 1, 3)), np.zeros(2 * size - 1)
    centers[:size], weights[:size] = points.coords, points.weights
    for i, (a, b) in enumerate(details.parts):
        standing = np.flatnonzero(weights)
        squares = ((centers[standing, np.newaxis] - centers[standing]) ** 2).sum(axis=2)
        one, other = weights[standing, np.newaxis], weights[standing]
        heights = np.sqrt(2 * one * other / (one + other) * squares)
        of_parts = heights[np.searchsorted(standing, a), np.searchsorted(standing, b)]
        np.fill_diagonal(heights, np.inf)
        assert weights[a] > 0
        assert weights[b] > 0
        assert details.heights[i] == pytest.approx(of_parts, rel=1e-10)
        assert details.heights[i] == pytest.approx(heights.min(), rel=1e-10)
        weights[size + i] = weights[a] + weights[b]
        centers[size + i] = np.average(centers[[a, b]], axis=0, weights=weights[[a, b]])
        weights[[a, b]] = 0


def test_average_weighs_by_pixels() -> None:
    """Average linkage is the mean over pairs of pixels, not of colours."""
    points = points_of([[0, 0, 0], [1, 0, 0], [11, 0, 0]], [3, 1, 1])
    _, details = merged(points, linkage="average", n_clusters=1)
    assert details.heights.tolist() == [1.0, pytest.approx((3 * 11 + 10) / 4)]


@pytest.mark.parametrize("method", LINKAGES)
def test_a_cut_by_number_holds_on_ties(method: str) -> None:
    """With nothing but equal distances there are still exactly as many clusters as asked for."""
    points = lattice(7, 6**3)
    for count in (1, 2, 7, 100, 216):
        clustering, _ = merged(points, linkage=method, n_clusters=count)
        assert np.unique(clustering.labels).tolist() == list(range(count))
        assert clustering.centers.shape == (count, 3)


@pytest.mark.parametrize("method", LINKAGES)
def test_fewer_colours_than_clusters(method: str) -> None:
    """Fewer colours than clusters give as many clusters as colours."""
    clustering, _ = merged(points_of([[1, 2, 3], [9, 9, 9]], [1, 1000]), linkage=method, n_clusters=5)
    assert clustering.labels.tolist() == [0, 1]
    assert clustering.centers.tolist() == [[1, 2, 3], [9, 9, 9]]


@pytest.mark.parametrize("weight", [1, 10**7])
@pytest.mark.parametrize("method", LINKAGES)
def test_one_colour(method: str, weight: int) -> None:
    """One colour is one cluster, however many pixels it has, and there is nothing to merge."""
    clustering, details = merged(points_of([[7, 8, 9]], [weight]), linkage=method)
    assert clustering.labels.tolist() == [0]
    assert clustering.centers.tolist() == [[7, 8, 9]]
    assert details.parts.shape == (0, 2)
    assert len(details.heights) == len(details.pixels) == 0


@pytest.mark.parametrize("method", LINKAGES)
def test_one_colour_with_nearly_all_pixels(method: str) -> None:
    """A colour with 99.99 % of the pixels among light ones gives a finite, ordered dendrogram."""
    light = scattered(8, 300, most=1)
    weights = light.weights.copy()
    weights[17] = 10**7
    clustering, details = merged(Points(light.coords, weights, light.first), linkage=method)
    assert np.isfinite(details.heights).all()
    assert np.unique(clustering.labels).tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("method", LINKAGES)
def test_a_threshold_of_zero_merges_nothing(method: str) -> None:
    """Merges at the threshold are not done, so at 0 every colour is a cluster, its copies together."""
    points = scattered(9, 30)
    clustering, _ = merged(points, linkage=method, distance_threshold=0.0)
    assert len(clustering.centers) == 30


def test_a_threshold_at_a_height_leaves_that_merge_out() -> None:
    """A merge at exactly the threshold is not done; one just below it is."""
    points = points_of([[0, 0, 0], [2, 0, 0], [7, 0, 0]], [1, 1, 1])
    assert len(merged(points, linkage="complete", distance_threshold=2.0)[0].centers) == 3
    assert len(merged(points, linkage="complete", distance_threshold=2.0000001)[0].centers) == 2
    assert len(merged(points, linkage="complete", distance_threshold=7.5)[0].centers) == 1


def test_clusters_are_numbered_by_their_first_pixel() -> None:
    """Cluster 0 has the image's first pixel, and so on, whatever the order of the colours."""
    coords = np.array([[0.0, 0, 0], [200, 0, 0], [201, 0, 0], [1, 0, 0], [90, 0, 0]])
    points = Points(coords, np.ones(5, np.int64), np.array([40, 30, 50, 10, 20]))
    assert merged(points, n_clusters=3)[0].labels.tolist() == [0, 2, 2, 0, 1]


def test_centres_are_the_means_of_the_pixels() -> None:
    """A cluster's centre is the mean of its colours, each counted by its pixels."""
    points = points_of([[0, 0, 0], [4, 0, 0], [100, 50, 25]], [3, 1, 5])
    assert merged(points, n_clusters=2)[0].centers.tolist() == [[1, 0, 0], [100, 50, 25]]


@pytest.mark.parametrize("method", LINKAGES)
def test_threads_change_nothing(method: str) -> None:
    """One thread and many give the same bytes."""
    points = photograph(40, 30)
    (one, one_details), (many, many_details) = (merged(points, threads, linkage=method) for threads in (1, 4))
    assert one.labels.tobytes() == many.labels.tobytes()
    assert one.centers.tobytes() == many.centers.tobytes()
    assert one_details.parts.tobytes() == many_details.parts.tobytes()
    assert one_details.heights.tobytes() == many_details.heights.tobytes()


@pytest.mark.parametrize("method", ["complete", "average"])
def test_too_many_colours_to_compare(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Above the limit there is an error that names it and the way out, and never an approximation."""
    monkeypatch.setattr(agglomerative, "MOST_COMPARED_COLORS", 99)
    with pytest.raises(TooManyColors, match=r"at most 99 colours; this image has 100\. Use linkage ward or single"):
        merged(scattered(1, 100), linkage=method)
    assert len(merged(scattered(1, 99), linkage=method)[0].centers) == 5


@pytest.mark.parametrize(("method", "size"), [("ward", 60_000), ("single", 60_000), ("complete", 40_000)])
def test_progress_moves_and_a_stop_is_obeyed(method: str, size: int) -> None:
    """Fractions rise within 0..1, and after the first refusal there is no other report but Stopped."""
    points = scattered(3, size)
    told: list[float] = []

    def report(fraction: float) -> bool:
        told.append(fraction)
        return fraction < 0.3

    with pytest.raises(Stopped):
        cluster(points, AgglomerativeParams(linkage=method), report)
    assert told == sorted(told)
    assert [fraction >= 0.3 for fraction in told] == [False] * (len(told) - 1) + [True]
    assert told[-1] <= 1
