"""The exact engine against the reference engine, through the code of `huemill verify`."""

import pytest

from shared.contract.params import parse_params
from tests.support.weighted import photograph, scattered
from worker.clustering import cluster
from worker.color.points import Points
from worker.verify.agreement import Agreement, compare
from worker.verify.points import break_ties

CASES = {"light": scattered(1, 300, most=4), "heavy": scattered(2, 80, most=200)}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize(
    "params",
    [
        *({"algorithm": "agglomerative", "linkage": name} for name in ("ward", "single", "complete", "average")),
        {"algorithm": "agglomerative", "distance_threshold": 150.0},
        {"algorithm": "kmeans", "init": [[0, 0, 0], [255, 255, 255], [255, 0, 0], [0, 0, 255]]},
        {"algorithm": "kmeans", "n_clusters": 6},
        {"algorithm": "optics", "min_samples": 12},
        {"algorithm": "optics", "min_samples": 12, "cluster_method": "xi"},
        {"algorithm": "optics", "min_samples": 12, "cluster_method": "dbscan", "eps": 40.0},
        {"algorithm": "hdbscan", "min_samples": 250, "min_cluster_size": 20},
        {"algorithm": "hdbscan", "min_samples": 12, "min_cluster_size": 30, "cluster_selection_method": "leaf"},
    ],
    ids=str,
)
def test_the_engines_agree(params: dict[str, object], case: str) -> None:
    """Same labels and heights, or an inertia no worse, within the tolerances that `verify` documents."""
    agreement = both(CASES[case], params)
    assert agreement.agrees, agreement


@pytest.mark.parametrize("space", ["lab", "oklab"])
def test_the_engines_agree_in_other_spaces(space: str) -> None:
    """On a photograph's colours in another space, ties broken, the engines' dendrograms are the same."""
    points = break_ties(photograph(40, 26, space))
    agreement = both(points, {"algorithm": "agglomerative", "color_space": space})
    assert agreement.agrees, agreement
    assert agreement.rand == agreement.equal == 1.0


def both(points: Points, params: dict[str, object]) -> Agreement:
    exact = parse_params({**params, "engine": "exact"})
    reference = parse_params({**params, "engine": "reference"})
    return compare(cluster(points, exact), cluster(points, reference), points, exact)
