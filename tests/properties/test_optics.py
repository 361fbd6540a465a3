"""What holds for OPTICS of any points."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from shared.contract.params import OpticsParams
from tests.support.weighted import lattice, scattered, split_in_two
from worker.clustering import Clustering, cluster
from worker.clustering.optics.engine import neighbors_of, nothing_known
from worker.color.points import Points
from worker.kernels import kdtree, optics
from worker.progress import Meter

seeds = st.integers(0, 2**32 - 1)
sizes = st.integers(1, 80)
few = settings(max_examples=25, deadline=None)
methods = pytest.mark.parametrize("method", ["auto", "xi"])


def ordered(points: Points, **params: object) -> Clustering:
    return cluster(points, OpticsParams(**{"min_samples": 4, "min_cluster_size": 10} | params))


@methods
@few
@given(seeds, sizes, st.booleans())
def test_permuting_the_colours_changes_nothing(method: str, seed: int, size: int, ties: bool) -> None:
    """The order in which the colours come decides nothing, not even among ties."""
    points = lattice(seed, size) if ties else scattered(seed, size)
    mixed = np.random.default_rng(seed).permutation(size)
    one = ordered(points, cluster_method=method)
    other = ordered(Points(points.coords[mixed], points.weights[mixed], points.first[mixed]), cluster_method=method)
    assert np.array_equal(other.labels, one.labels[mixed])
    assert np.array_equal(mixed[other.details.ordering], one.details.ordering)
    assert np.array_equal(other.details.reachability, one.details.reachability[mixed])


@few
@given(seeds, sizes)
def test_splitting_a_count_into_copies_changes_nothing(seed: int, size: int) -> None:
    """A colour given as two points of the same place: nothing else is reached from farther or nearer."""
    points = scattered(seed, size)
    split, heavy = split_in_two(points)
    one, other = ordered(points).details, ordered(split).details
    assert np.array_equal(other.reachability[:size], one.reachability)
    assert np.array_equal(other.core_distances, np.append(one.core_distances, one.core_distances[heavy]))
    assert np.array_equal(other.ordering[other.ordering < size], one.ordering)


@few
@given(seeds, sizes)
def test_an_isometry_changes_no_label(seed: int, size: int) -> None:
    """Turned, mirrored and shifted points have the same clusters."""
    points = scattered(seed, size)
    turn = Rotation.random(random_state=np.random.default_rng(seed)).as_matrix()
    turned = points.coords @ turn * (1, 1, -1) + 50
    labels = ordered(Points(turned, points.weights, points.first)).labels
    assert np.array_equal(labels, ordered(points).labels)


@few
@given(seeds, sizes, st.sampled_from([0.25, 8.0]))
def test_scaling_scales_the_reachabilities(seed: int, size: int, factor: float) -> None:
    """Distances twice as large give the same ordering with reachabilities twice as high."""
    points = scattered(seed, size)
    one = ordered(points).details
    other = ordered(Points(points.coords * factor, points.weights, points.first)).details
    assert np.array_equal(other.ordering, one.ordering)
    np.testing.assert_allclose(other.reachability, one.reachability * factor, rtol=1e-12)


@few
@given(seeds, sizes, st.sampled_from([None, 20.0, 60.0]))
def test_the_ordering_is_a_walk(seed: int, size: int, max_eps: float | None) -> None:
    """Every colour is visited once, from one before it, over max(its core distance, the distance between them)."""
    points = scattered(seed, size)
    details = ordered(points, max_eps=max_eps).details
    assert sorted(details.ordering) == list(range(size))
    visit = np.argsort(details.ordering)
    reached = np.flatnonzero(details.predecessor >= 0)
    source = details.predecessor[reached]
    assert (visit[source] < visit[reached]).all()
    step = np.linalg.norm(points.coords[source] - points.coords[reached], axis=1)
    expected = np.maximum(details.core_distances[source], step)
    np.testing.assert_allclose(details.reachability[reached], expected, rtol=1e-12)
    assert np.isinf(details.reachability[details.predecessor < 0]).all()


def distances(coords: NDArray[np.float64]) -> NDArray[np.float64]:
    """Between all points, f64[U, U], rounded as scikit-learn rounds them."""
    return np.around(np.sqrt(((coords[:, None] - coords[None]) ** 2).sum(axis=2)), 15)


def cores_of(points: Points, min_samples: int) -> NDArray[np.float64]:
    steps = distances(points.coords)
    order = np.argsort(steps, axis=1)
    enough = np.cumsum(points.weights[order], axis=1) >= min_samples
    return np.take_along_axis(steps, order, axis=1)[np.arange(len(steps)), enough.argmax(axis=1)]


def plain_walk(steps: NDArray[np.float64], cores: NDArray[np.float64], max_eps: float) -> list[tuple[int, float, int]]:
    """The definition: rank, reachability and predecessor's time of every visit."""
    offers, leaders = np.full(len(cores), np.inf), np.full(len(cores), -1)
    waiting = np.ones(len(cores), np.bool_)
    found = []
    for time in range(len(cores)):
        rank = int(np.flatnonzero(waiting)[np.argmin(offers[waiting])])
        found.append((rank, float(offers[rank]), int(leaders[rank])))
        waiting[rank] = False
        reached = np.maximum(steps[rank], cores[rank])
        better = waiting & (steps[rank] <= max_eps) & (reached < offers)
        offers[better], leaders[better] = reached[better], time
    return found


@settings(max_examples=150, deadline=None)
@given(seeds, st.integers(1, 70), st.booleans(), st.integers(1, 3), st.sampled_from([np.inf, 2.0, 60.0]))
def test_small_leaves_change_no_visit(seed: int, size: int, ties: bool, leaf_size: int, max_eps: float) -> None:
    """Whatever the tree, the walk is the definition's, ties included; what is known of neighbours changes nothing."""
    points = lattice(seed, size, side=5) if ties else scattered(seed, size)
    cores = cores_of(points, min(1 + seed % 12, points.pixels))
    expected = plain_walk(distances(points.coords), np.where(cores <= max_eps, cores, np.inf), max_eps)
    cores[cores > max_eps] = np.inf
    none = np.zeros(2, np.int64)
    tree = kdtree.build(points.coords.copy(), points.weights.copy(), leaf_size, none)
    wide = kdtree.build(points.coords.copy(), points.weights.copy(), 16, none)
    for neighbors in (neighbors_of(wide, cores, Meter()), nothing_known(size)):
        found = optics.walk(optics.gather(tree), cores, neighbors, max_eps, none)
        assert list(zip(*(values.tolist() for values in found), strict=True)) == expected


@settings(max_examples=30, deadline=None)
@given(seeds, st.sampled_from([0.0, 1.0]), st.sampled_from([1, 5, 20, 100]))
def test_where_no_step_leads_there_is_always_a_shorter_way(seed: int, jitter: float, min_samples: int) -> None:
    """A point not listed within the known radius, or beyond the last, is reached by two smaller steps over a third."""
    cube = lattice(seed, 340, side=7)
    random = np.random.default_rng(seed)
    weights = random.choice([1, 100], 340, p=[0.9, 0.1])  # core distances rise steeply around the heavy ones
    points = Points(cube.coords + jitter * random.random((340, 3)), weights, cube.first)
    cores = cores_of(points, min_samples)
    tree = kdtree.build(points.coords.copy(), points.weights.copy(), 16, np.zeros(2, np.int64))
    neighbors = neighbors_of(tree, cores, Meter())
    steps = distances(points.coords)
    lengths = np.maximum(cores[:, None], steps)
    assert min_samples == 100 or (neighbors.known > 0).sum() > 100
    assert min_samples > 1 or np.isfinite(neighbors.last).sum() > 5
    for point in np.flatnonzero(neighbors.known > 0):
        way = np.maximum(lengths[point][:, None], lengths)
        way[point] = np.inf
        shorter = way.min(axis=0) < lengths[point]
        listed = neighbors.to[neighbors.begin[point] : neighbors.end[point]]
        within = steps[point] <= neighbors.known[point]
        within[[point, *listed]] = False
        assert shorter[within].all()
        assert shorter[(steps[point] > neighbors.last[point]) & (steps[point] > neighbors.known[point])].all()
        assert len(set(listed)) == len(listed)
