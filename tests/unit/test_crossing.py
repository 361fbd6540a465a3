"""Crossing: two clusterings of the same points become a third one."""

import numpy as np
from scipy.cluster import hierarchy

from tests.support.weighted import scattered
from worker.kernels.breeding import breed
from worker.kernels.crossing import cross


def test_two_clusterings_become_wards_partition_of_the_parts_that_they_have_in_common() -> None:
    """Rows and columns of a table have its fields in common; scipy merges those by all of their points."""
    for seed in range(20):
        random = np.random.default_rng(seed)
        field = np.repeat(np.arange(56), random.integers(1, 5, 56))
        coords = random.random((56, 3))[field]
        labels = np.stack([field // 7, field % 7]).astype(np.int32)
        centers, sums, out = np.empty((8, 3)), np.empty((8, 4)), np.empty(len(field), np.int32)
        cross(coords, np.ones(len(field)), labels, 0, 1, 0, centers, sums, out)
        expected = hierarchy.fcluster(hierarchy.ward(coords), 8, "maxclust")
        assert len(set(zip(out.tolist(), expected.tolist(), strict=True))) == 8
        for j in range(8):
            np.testing.assert_allclose(centers[j], coords[out == j].mean(axis=0))
            np.testing.assert_allclose(sums[j], [*coords[out == j].sum(axis=0), (out == j).sum()])


def test_what_has_a_fixed_centre_in_either_has_it_in_both() -> None:
    """Points of the first labels keep them, and those centres stand still; all other clusters are made of the rest."""
    random = np.random.default_rng(4)
    coords = random.random((300, 3))
    labels = random.integers(0, 6, (2, 300)).astype(np.int32)
    centers, sums, out = np.zeros((6, 3)), np.empty((6, 4)), np.empty(300, np.int32)
    cross(coords, np.ones(300), labels, 0, 1, 2, centers, sums, out)
    least = labels.min(axis=0)
    np.testing.assert_array_equal(out[least < 2], least[least < 2])
    assert set(out[least >= 2]) == {2, 3, 4, 5}
    np.testing.assert_array_equal(centers[:2], 0)


def test_a_cluster_that_gets_no_points_keeps_its_centre() -> None:
    """That of the better clustering: there are fewer parts than clusters where both are alike."""
    coords, far = np.zeros((5, 3)), [1e3, 1e3, 1e3]
    coords[:, 0] = [0, 1, 10, 11, 12]
    labels = np.array([[0, 0, 1, 1, 1]] * 2, np.int32)
    centers = np.array([[[0.6, 0, 0], [11, 0, 0], far], [[0.9, 0, 0], [11, 0, 0], [-1e3, 0, 0]]])
    inertias = ((coords - centers[[[0], [1]], labels]) ** 2).sum(axis=(1, 2))
    breed(coords, np.ones(5), centers, labels, inertias, 0, np.array([[0.1, 0.6]]), 6, 0, 1e9, np.zeros(2, np.int64))
    np.testing.assert_array_equal(centers[1], [[0.5, 0, 0], [11, 0, 0], far])
    np.testing.assert_allclose(inertias, [2.52, 2.5])


def test_a_population_is_never_worse_and_what_is_fixed_stays() -> None:
    """Each inertia is that of its labels and centres, the best one falls, and fixed centres stand still."""
    points = scattered(3, 600)
    weights = points.weights.astype(np.float64)
    for seed in range(12):
        random = np.random.default_rng(seed)
        size, fixed = 3 + seed, seed % 3
        centers = np.stack([points.coords[random.permutation(600)[:size]] for _ in range(6)])
        centers[:, :fixed] = centers[0, :fixed]
        squares = ((points.coords[None, :, None] - centers[:, None]) ** 2).sum(axis=3)
        labels, inertias = squares.argmin(axis=2).astype(np.int32), squares.min(axis=2) @ weights
        before, stood = inertias.copy(), centers[0, :fixed].copy()
        uniforms = random.random((200, 2))
        breed(points.coords, weights, centers, labels, inertias, fixed, uniforms, 6, 1e-3, 1e9, np.zeros(2, np.int64))
        assert (inertias <= before).all()
        assert inertias.min() < before.min()
        for one in range(6):
            found = weights @ ((points.coords - centers[one][labels[one]]) ** 2).sum(axis=1)
            np.testing.assert_allclose(inertias[one], found)
            np.testing.assert_array_equal(centers[one, :fixed], stood)
