"""The reference engine: its limits, and labels of colours from labels of pixels."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.sparse.csgraph import minimum_spanning_tree
from scipy.spatial.distance import cdist

from shared.contract.errors import InvalidParams, TooManyPixels
from shared.contract.params import REFERENCE_MAX_PIXELS, AnyParams, parse_params
from tests.support.weighted import scattered
from worker.clustering import cluster
from worker.clustering.hdbscan.details import ReferenceDetails
from worker.clustering.reference import label_of_most
from worker.color.points import Points


def reference_params(algorithm: str, **params: object) -> AnyParams:
    return parse_params({"algorithm": algorithm, "engine": "reference", **params})


@pytest.mark.parametrize("algorithm", REFERENCE_MAX_PIXELS)
def test_too_many_pixels(algorithm: str) -> None:
    """Above an algorithm's limit there is an error that names it and the way out."""
    most = REFERENCE_MAX_PIXELS[algorithm]
    points = Points(np.zeros((1, 3)), np.array([most + 1]), np.zeros(1, np.int64))
    with pytest.raises(TooManyPixels, match=f"at most {most:,} pixels for {algorithm}; here are {most + 1:,}"):
        cluster(points, reference_params(algorithm))


@pytest.mark.parametrize("algorithm", REFERENCE_MAX_PIXELS)
def test_one_pixel(algorithm: str) -> None:
    """One pixel is refused by name, since the peers refuse it."""
    points = Points(np.zeros((1, 3)), np.ones(1, np.int64), np.zeros(1, np.int64))
    with pytest.raises(InvalidParams, match="engine must be exact where there is one pixel only"):
        cluster(points, reference_params(algorithm))


def test_the_same_numbers_each_time() -> None:
    """KMeans' reference gives the same to the last bit, whatever number of threads it may use."""
    coords = np.random.default_rng(5).integers(0, 256, (20_000, 3)).astype(np.float64)
    points = Points(np.unique(coords, axis=0), *_once(len(np.unique(coords, axis=0))))
    params = reference_params("kmeans", n_clusters=12, n_init=1)
    found = [cluster(points, params, threads=threads).details.summary() for threads in (1, 2, 2, 2, 2)]
    assert all(one == found[0] for one in found)


def _once(count: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Weights and first pixels of colours that are there once each."""
    return np.ones(count, np.int64), np.arange(count)


def test_the_label_that_most_pixels_have() -> None:
    """A colour whose pixels differ gets the label of most of them, of several the lowest; noise is a label."""
    by_pixel = np.array([4, 4, 4, -1, -1, 3, 2, 1, 0, 0, 7])
    assert label_of_most(by_pixel, np.array([3, 3, 2, 2, 1])).tolist() == [4, -1, 1, 0, 7]


@pytest.mark.parametrize(
    "params",
    [
        reference_params("kmeans", n_clusters=4),
        reference_params("agglomerative", n_clusters=4),
        reference_params("optics", cluster_method="xi", min_samples=10),
        reference_params("optics", cluster_method="dbscan", min_samples=10, eps=60),
        reference_params("hdbscan", min_samples=10, min_cluster_size=20),
    ],
    ids=lambda params: params.algorithm,
)
def test_centres_are_the_means_of_the_clusters(params: AnyParams) -> None:
    """Every label 0..k-1 is in use, and its centre is the mean of its pixels."""
    points = scattered(4, 80)
    clustering = cluster(points, params)
    for label, center in enumerate(clustering.centers):
        own = clustering.labels == label
        expected = np.average(points.coords[own], axis=0, weights=points.weights[own])
        np.testing.assert_allclose(center, expected)
    assert clustering.labels.max() + 1 == len(clustering.centers)
    assert clustering.labels.shape == (80,)


# Two coordinates and a count each; found by chance.
NOT_MINIMAL = """
3cb902 e71b01 e61a02 e71a01 e71b03 2ff903 e61b03 e61a03 f0c104 3bb803 3bb901 3cb803 2ffa04 efc004 e81b03 e81a01 457303
3cb802 2efa04 2ffa03 efc003 eec102 457302 30fa02 eec004 f0c004 e71a03 e61b03 3db904 30f904 2ff902 3cb904 e61a01 2ef801
3db804 f0c003 3bb803 3cb903 30fa01
"""


def test_the_spanning_tree_of_hdbscan_is_minimal() -> None:
    """Where hdbscan's own choice of algorithm gives a tree that is not, these heights are right all the same."""
    rows = np.array([list(bytes.fromhex(row)) for row in NOT_MINIMAL.split()])
    points = Points(np.column_stack([0 * rows[:, 0], rows[:, :2]]).astype(np.float64), rows[:, 2], np.arange(len(rows)))
    found = cluster(points, reference_params("hdbscan", min_samples=23, min_cluster_size=5)).details
    pixels = np.repeat(points.coords, points.weights, axis=0)
    steps = cdist(pixels, pixels)
    cores = np.sort(steps, axis=1)[:, 23]  # hdbscan does not count the pixel itself
    lengths = np.maximum(np.maximum(steps, cores), cores[:, None])
    expected = minimum_spanning_tree(lengths).data
    assert isinstance(found, ReferenceDetails)
    np.testing.assert_allclose(np.sort(found.values["heights"]), np.sort(expected), rtol=1e-12)
