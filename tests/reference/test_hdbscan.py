"""HDBSCAN against the `hdbscan` package on the pixels themselves, and against the definition where there are ties."""

import warnings
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import adjusted_rand_score

from shared.contract.params import HdbscanParams
from tests.support.hdbscan_definition import by_excess_of_mass, condensed, labels_of, reaches
from tests.support.weighted import by_pixel, lattice, photograph, pixels_of
from worker.clustering import Clustering, cluster
from worker.clustering.hdbscan.details import HdbscanDetails
from worker.color.points import Points

SELECTIONS: list[dict[str, Any]] = [
    {},
    {"cluster_selection_method": "leaf"},
    {"cluster_selection_epsilon": 12.0},
    {"cluster_selection_epsilon": 25.0, "cluster_selection_method": "leaf"},
    {"allow_single_cluster": True},
    {"allow_single_cluster": True, "cluster_selection_epsilon": 60.0},
]
UNFLOORED = 1e-9  # no distance is below this resolution


def heaps(seed: int, most: int) -> Points:
    """Six normal heaps of different size and width on a thin background; weights 1 to `most`."""
    random = np.random.default_rng(seed)
    shapes = zip(random.uniform(0, 255, (6, 3)), random.uniform(3, 25, 6), random.integers(40, 200, 6), strict=True)
    coords = [random.normal(middle, width, (size, 3)) for middle, width, size in shapes]
    coords.append(random.uniform(0, 255, (60, 3)))
    points = np.concatenate(coords)
    return Points(points, random.integers(1, most + 1, len(points)), random.permutation(len(points)))


def run(points: Points, **params: Any) -> tuple[Clustering, HdbscanDetails]:
    """What huemill finds, by excess of mass if nothing else is asked for, as in the package."""
    clustering = cluster(points, HdbscanParams(**{"cluster_selection_method": "eom", **params}))
    assert isinstance(clustering.details, HdbscanDetails)
    return clustering, clustering.details


def package(points: Points, **params: Any) -> Any:
    with warnings.catch_warnings():
        # The package's own modules write escapes that Python 3.12 dislikes, where they are compiled for the first time.
        warnings.filterwarnings("ignore", category=SyntaxWarning)
        from hdbscan import HDBSCAN
    exact = {"approx_min_span_tree": False, "algorithm": "boruvka_kdtree", "core_dist_n_jobs": 1}
    return HDBSCAN(**exact, **params).fit(pixels_of(points))


def of_pixels(points: Points, values: NDArray[Any]) -> NDArray[Any]:
    return by_pixel(points, values)


@pytest.mark.parametrize("selection", SELECTIONS, ids=str)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_without_ties_everything_is_as_in_the_package(seed: int, selection: dict[str, Any]) -> None:
    """Labels, probabilities, persistence and outlier scores agree where no two distances are equal.

    With min_samples 1 and no copies, every edge is a distance between two points, and no two are equal.
    """
    points = heaps(seed, most=1)
    ours, details = run(points, min_samples=1, min_cluster_size=10, resolution=UNFLOORED, **selection)
    theirs = package(points, min_samples=1, min_cluster_size=10, **selection)
    assert adjusted_rand_score(theirs.labels_, of_pixels(points, ours.labels)) == 1.0
    assert np.array_equal(theirs.labels_ < 0, of_pixels(points, ours.labels) < 0)
    assert np.allclose(of_pixels(points, details.probabilities), theirs.probabilities_, rtol=1e-12, atol=0)
    assert np.allclose(of_pixels(points, details.outlier_scores), theirs.outlier_scores_, rtol=0, atol=1e-12)
    # The package sums the stabilities below a cluster in single precision.
    assert np.allclose(np.sort(details.persistence), np.sort(theirs.cluster_persistence_), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("method", ["eom", "leaf"])
def test_exemplars_are_the_packages(method: str) -> None:
    """Each label has the exemplars that the package gives its cluster, and they bear the label."""
    points = heaps(3, most=1)
    params = {"min_samples": 1, "min_cluster_size": 10, "cluster_selection_method": method}
    ours, details = run(points, resolution=UNFLOORED, **params)
    theirs = package(points, **params)
    found = [sorted(points.coords[members].tolist()) for members in details.exemplars]
    assert len(found) == len(ours.centers) > 3
    assert sorted(found) == sorted(sorted(members.tolist()) for members in theirs.exemplars_)
    assert [set(ours.labels[members]) for members in details.exemplars] == [{label} for label in range(len(found))]


@pytest.mark.parametrize("selection", SELECTIONS, ids=str)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_with_copies_only_ties_differ(seed: int, selection: dict[str, Any]) -> None:
    """On repeated pixels labels differ at most where the package's pixel joined a cluster at its very birth."""
    points = heaps(seed, most=3)
    sizes = {"min_samples": 12, "min_cluster_size": 100}
    ours, details = run(points, **sizes, resolution=UNFLOORED, **selection)
    theirs = package(points, **sizes, **selection)
    tree = theirs.condensed_tree_.to_numpy()
    births = np.unique(tree["lambda_val"][tree["child_size"] > 1])
    left_at = np.zeros(points.pixels)
    loose = tree["child"] < points.pixels
    left_at[tree["child"][loose]] = tree["lambda_val"][loose]
    tied = np.isclose(left_at[:, None], births[None], rtol=1e-12, atol=0).any(axis=1)
    labels = of_pixels(points, ours.labels)
    assert tied.mean() < 0.03
    assert np.array_equal(theirs.labels_[~tied] < 0, labels[~tied] < 0)
    assert adjusted_rand_score(theirs.labels_[~tied], labels[~tied]) == 1.0
    assert np.allclose(
        of_pixels(points, details.probabilities)[~tied], theirs.probabilities_[~tied], rtol=1e-12, atol=0
    )
    assert len(details.persistence) == len(theirs.cluster_persistence_)


@pytest.mark.parametrize(("min_samples", "size"), [(8, (36, 24)), (40, (48, 32))])
def test_heights_on_a_photograph_are_the_packages(min_samples: int, size: tuple[int, int]) -> None:
    """On a real image, full of ties, the single-linkage heights of all pixels are the package's as sorted lists."""
    points = photograph(*size)
    _, details = run(points, min_samples=min_samples, min_cluster_size=20, resolution=UNFLOORED)
    copies = np.repeat(details.core_distances, points.weights - 1)
    theirs = package(points, min_samples=min_samples, min_cluster_size=20).single_linkage_tree_.to_numpy()[:, 2]
    ours = np.sort(np.concatenate([copies, details.heights]))
    # A colour of more than min_samples pixels has core distance 0 in the package.
    assert np.allclose(ours, np.sort(theirs), rtol=1e-12, atol=2 * UNFLOORED)


@pytest.mark.parametrize("method", ["auto", "plscan"])
@pytest.mark.parametrize("seed", range(3))
def test_a_size_is_chosen_alike_in_the_packages_tree(seed: int, method: str) -> None:
    """Where no two distances are equal, both engines take the same clusters."""
    points = heaps(seed, most=1)
    params = {"min_samples": 1, "min_cluster_size": 10, "cluster_selection_method": method}
    ours, theirs = (cluster(points, HdbscanParams(engine=engine, **params)) for engine in ("exact", "reference"))
    assert len(ours.centers) > 1
    assert adjusted_rand_score(ours.labels, theirs.labels) == 1.0


@pytest.mark.parametrize("seed", range(6))
def test_ties_follow_the_definition(seed: int) -> None:
    """On a lattice full of ties, the partition is the one of removing all edges of equal length at once."""
    points = lattice(seed, 60, side=7)
    ours, _ = run(points, min_samples=4, min_cluster_size=9)
    theirs = labels_of(by_excess_of_mass(condensed(reaches(pixels_of(points), 4), 9)), points.pixels)
    labels = of_pixels(points, ours.labels)
    assert np.array_equal(labels < 0, theirs < 0)
    assert adjusted_rand_score(theirs, labels) == 1.0
