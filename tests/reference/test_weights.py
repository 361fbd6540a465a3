"""Pixels that count by their alpha, against the packages on pixels repeated by it."""

from typing import Any

import numpy as np
import pytest

from shared.contract.params import parse_params
from tests.support.images import noise
from worker.clustering import cluster
from worker.clustering.agglomerative.details import AgglomerativeDetails
from worker.color.points import Points
from worker.color.selection import count_selected
from worker.verify.agreement import compare
from worker.verify.points import break_ties


def weighted_points(seed: int) -> Points:
    """A hundred colours without ties; alphas are multiples of 51, so that fifths of a pixel are the unit."""
    pixels = noise(4, 30, seed, channels=4)
    pixels[..., 3] = 51 * np.random.default_rng(seed).integers(0, 6, (4, 30))
    points = break_ties(count_selected(pixels, parse_params({"alpha": "weight"})).points())
    assert points.units == 5
    return points


@pytest.mark.parametrize(
    "params",
    [
        {"algorithm": "kmeans", "init": [[0, 0, 0], [255, 255, 255], [255, 0, 0], [0, 0, 255]]},
        {"algorithm": "optics", "min_samples": 3, "min_cluster_size": 6},
        {"algorithm": "optics", "min_samples": 3, "cluster_method": "xi", "min_cluster_size": 6},
        {"algorithm": "optics", "min_samples": 3, "cluster_method": "dbscan", "eps": 60.0},
        {"algorithm": "hdbscan", "min_samples": 2, "min_cluster_size": 6},
        {"algorithm": "agglomerative"},
        {"algorithm": "agglomerative", "distance_threshold": 150.0},
        {"algorithm": "agglomerative", "linkage": "average", "distance_threshold": 150.0},
    ],
    ids=str,
)
def test_a_weight_is_that_many_fifths_of_a_pixel(params: dict[str, Any]) -> None:
    """Both engines agree on weighted pixels: the exact one on weights, the packages on repeated points."""
    points = weighted_points(3)
    exact = cluster(points, parse_params(params))
    reference = cluster(points, parse_params({**params, "engine": "reference"}))
    agreement = compare(exact, reference, points, parse_params(params))
    assert agreement.agrees, agreement
    assert len(exact.centers) > 1 or params["algorithm"] == "hdbscan"


@pytest.mark.parametrize(
    "params",
    [
        {"algorithm": "kmeans", "n_clusters": 3},
        {"algorithm": "optics", "min_samples": 3, "min_cluster_size": 4},
        {"algorithm": "agglomerative", "distance_threshold": 200.0},
    ],
    ids=str,
)
def test_the_unit_changes_nothing(params: dict[str, Any]) -> None:
    """Weights of whole pixels mean the same in fifths: labels, inertia and heights, with parameters in pixels."""
    points = count_selected(noise(8, 12), parse_params({})).points()
    fifths = Points(points.coords, 5 * points.weights, points.first, units=5)
    one, five = cluster(points, parse_params(params)), cluster(fifths, parse_params(params))
    np.testing.assert_array_equal(one.labels, five.labels)
    if isinstance(one.details, AgglomerativeDetails) and isinstance(five.details, AgglomerativeDetails):
        np.testing.assert_allclose(one.details.heights, five.details.heights, rtol=1e-12)
    else:
        ours, theirs = one.details.summary(), five.details.summary()
        assert {name: pytest.approx(value) if name == "inertia" else value for name, value in ours.items()} == theirs
