"""Agglomerative clustering against scipy and scikit-learn on every pixel."""

import numpy as np
import pytest
from scipy.cluster.hierarchy import fcluster, linkage
from sklearn.cluster import AgglomerativeClustering
from sklearn.metrics import adjusted_rand_score

from shared.contract.params import AgglomerativeParams
from tests.support.weighted import by_pixel, photograph, pixels_of, scattered
from worker.clustering import cluster
from worker.clustering.agglomerative.details import AgglomerativeDetails
from worker.color.points import Points
from worker.verify.points import break_ties

LINKAGES = ["ward", "single", "complete", "average"]
CASES = {
    "light": scattered(1, 400, most=3),
    "heavy": scattered(2, 150, most=300),
    "single pixels": scattered(3, 700, most=1),
    "photograph": break_ties(photograph(48, 32)),
}


def heights_of(points: Points, **params: object) -> np.ndarray:
    details = cluster(points, AgglomerativeParams(**params)).details
    assert isinstance(details, AgglomerativeDetails)
    return details.heights


@pytest.mark.parametrize("method", LINKAGES)
@pytest.mark.parametrize("case", CASES)
def test_heights_are_scipys(case: str, method: str) -> None:
    """The merge heights are scipy's on the repeated pixels, whose copies merge first, at height 0."""
    points = CASES[case]
    expected = linkage(pixels_of(points), method)[:, 2]
    copies = points.pixels - len(points)
    assert not expected[:copies].any()
    np.testing.assert_allclose(heights_of(points, linkage=method), expected[copies:], rtol=1e-11)


def test_ward_of_thousands_of_colours_in_a_plane() -> None:
    """With thousands of clusters, where most of the tree is passed by at each search, the heights are still scipy's."""
    space = scattered(1, 2500, most=4)
    points = Points(space.coords * [1.0, 1.0, 0.0], space.weights, space.first)
    expected = linkage(pixels_of(points), "ward")[points.pixels - len(points) :, 2]
    np.testing.assert_allclose(heights_of(points, linkage="ward"), expected, rtol=1e-11)


def test_ward_of_colours_on_a_line_passes_by_no_cluster_that_is_due() -> None:
    """Here two heights change if nodes are passed by that lie within 0.9 of what a key can cover."""
    space = scattered(2, 300, most=30)
    points = Points(space.coords * [1.0, 0.0, 0.0], space.weights, space.first)
    expected = linkage(pixels_of(points), "ward")[points.pixels - len(points) :, 2]
    np.testing.assert_allclose(heights_of(points, linkage="ward"), expected, rtol=1e-11)


@pytest.mark.parametrize("method", LINKAGES)
@pytest.mark.parametrize("case", CASES)
def test_partitions_are_scipys(case: str, method: str) -> None:
    """Where there are no ties, every cut by number is scipy's partition of the pixels."""
    points = CASES[case]
    tree = linkage(pixels_of(points), method)
    for count in (2, 5, 23, 100):
        labels = cluster(points, AgglomerativeParams(linkage=method, n_clusters=count)).labels
        expected = fcluster(tree, count, "maxclust")
        assert labels.max() + 1 == expected.max() == count
        assert adjusted_rand_score(expected, by_pixel(points, labels)) == 1.0


@pytest.mark.parametrize("method", LINKAGES)
def test_thresholds_are_scikit_learns(method: str) -> None:
    """A distance threshold leaves out the merges at that height and above, as scikit-learn does."""
    points = CASES["heavy"]
    heights = heights_of(points, linkage=method)
    for threshold in (heights[40] * 0.9999, heights[100] * 1.0001, heights[-1] * 2):
        peer = AgglomerativeClustering(n_clusters=None, distance_threshold=threshold, linkage=method)
        expected = peer.fit_predict(pixels_of(points))
        labels = cluster(points, AgglomerativeParams(linkage=method, distance_threshold=threshold)).labels
        assert labels.max() + 1 == peer.n_clusters_
        assert adjusted_rand_score(expected, by_pixel(points, labels)) == 1.0


def test_single_linkage_heights_do_not_depend_on_ties() -> None:
    """On a photograph as it is, full of equal distances, the heights of single linkage are still scipy's."""
    points = photograph(60, 40)
    expected = linkage(pixels_of(points), "single")[points.pixels - len(points) :, 2]
    np.testing.assert_allclose(heights_of(points, linkage="single"), expected, rtol=1e-12)
