"""Spanning trees under mutual reachability, against scipy on all pairs."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components, minimum_spanning_tree

from tests.support.weighted import lattice, photograph, scattered
from worker.clustering.core_distances import core_distances
from worker.clustering.spanning_tree import spanning_tree
from worker.color.points import Points
from worker.kernels import kdtree
from worker.progress import Meter


def bytes_of(*coords: NDArray[np.int64]) -> Points:
    """The colours of these coordinates, [U, 3] each."""
    every = np.concatenate(coords).astype(np.float64)
    return Points(every, np.ones(len(every), np.int64), np.arange(len(every)))


def grid(*sides: list[int]) -> NDArray[np.int64]:
    """Every colour with red, green and blue from these."""
    return np.stack(np.meshgrid(*sides, indexing="ij"), axis=-1).reshape(-1, 3)


CASES = {
    "scattered": scattered(1, 500),
    "lattice": lattice(2, 500, side=9),
    "photograph": photograph(36, 24),
    "oklab": photograph(36, 24, space="oklab"),
    "borders": bytes_of(grid([0, 1, 254, 255], [0, 255], [0, 2, 252, 255])),
    "steps of three": bytes_of(grid([250, 253], [0, 3, 6], list(range(0, 256, 3)))),
    "heaps": bytes_of(grid([0, 1, 2], [0, 1, 2], [0, 1, 2]), 250 + grid([0, 2, 4], [1, 3], [0, 5])),
    "two colours": bytes_of(np.array([[0, 0, 255], [0, 1, 0]])),
}


@pytest.mark.parametrize("min_samples", [1, 2, 30, 500])
@pytest.mark.parametrize("case", CASES)
def test_edges_are_a_minimum_spanning_tree(case: str, min_samples: int) -> None:
    """Edges have their lengths, which are those of scipy's tree over all pairs, and all points hang together."""
    points = CASES[case]
    min_samples = min(min_samples, points.pixels)
    tree = kdtree.build(points.coords.copy(), points.weights.copy(), 8, np.zeros(2, np.int64))
    cores = core_distances(points, min_samples, Meter(), tree)
    edges, squares = spanning_tree(tree, cores, Meter())
    gaps = points.coords[:, None] - points.coords[None]
    pairs = gaps[..., 0] ** 2 + gaps[..., 1] ** 2 + gaps[..., 2] ** 2
    pairs = np.maximum(pairs, np.maximum(cores[:, None], cores[None]))
    np.fill_diagonal(pairs, 0.0)
    assert np.array_equal(squares, np.sort(minimum_spanning_tree(pairs).data))
    assert np.array_equal(squares, pairs[edges[:, 0], edges[:, 1]])
    linked = np.zeros(pairs.shape, np.bool_)
    linked[edges[:, 0], edges[:, 1]] = True
    assert connected_components(linked, directed=False)[0] == 1


@pytest.mark.parametrize("min_samples", [1, 10])
def test_threads_change_no_edge(min_samples: int) -> None:
    """One thread or three find the same edges in the same order, on data full of ties."""
    points = photograph(64, 48)
    tree = kdtree.build(points.coords.copy(), points.weights.copy(), 8, np.zeros(2, np.int64))
    cores = core_distances(points, min_samples, Meter(), tree)
    one, three = (spanning_tree(tree, cores, Meter(threads=threads)) for threads in (1, 3))
    assert np.array_equal(one[0], three[0])
    assert np.array_equal(one[1], three[1])


def test_one_point_has_no_edges() -> None:
    """A single colour is its own spanning tree."""
    points = Points(np.zeros((1, 3)), np.ones(1, np.int64), np.zeros(1, np.int64))
    tree = kdtree.build(points.coords.copy(), points.weights.copy(), 8, np.zeros(2, np.int64))
    edges, squares = spanning_tree(tree, np.zeros(1), Meter())
    assert edges.shape == (0, 2)
    assert squares.shape == (0,)
