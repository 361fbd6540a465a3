"""The registries of the worker: whole, and loaded on demand."""

import json
import subprocess
import sys

import numpy as np
import pytest

from shared.contract.params import MODELS, parse_params
from shared.formats import Limits
from tests.support.images import encoded, two_colors
from worker import pipeline
from worker.clustering import NOISE, Clustering
from worker.clustering.kmeans.details import KMeansDetails
from worker.clustering.registry import METHODS, method_of
from worker.color.points import Points

ON_DEMAND = """
import json
import sys

from shared.contract.params import parse_params
from shared.formats import Limits
from tests.support.images import SMALL_PNG
from worker import pipeline

pipeline.run(SMALL_PNG, parse_params({"algorithm": "kmeans", "n_clusters": 2}), lambda *_: True, limits=Limits())
print(json.dumps(sorted(sys.modules)))
"""


def test_each_model_of_parameters_has_its_method() -> None:
    """What a request may name, the worker can run, and nothing else."""
    assert set(METHODS) == set(MODELS)
    for algorithm, model in MODELS.items():
        assert {type(variant) for variant in method_of(algorithm).variants} == {model}


@pytest.mark.parametrize(
    ("params", "way_out"),
    [
        ({"algorithm": "kmeans"}, "Use a smaller n_clusters."),
        ({"algorithm": "hdbscan"}, "Use a larger min_cluster_size."),
        ({"algorithm": "optics"}, "Use a larger min_cluster_size."),
        ({"algorithm": "optics", "cluster_method": "xi"}, "Use a larger min_cluster_size."),
        ({"algorithm": "optics", "cluster_method": "dbscan", "eps": 1}, "Use a larger eps or min_samples."),
        ({"algorithm": "agglomerative"}, "Use a larger distance_threshold, or give n_clusters."),
    ],
    ids=str,
)
def test_each_method_knows_what_makes_fewer_clusters(params: dict[str, object], way_out: str) -> None:
    """Where there are more clusters than a result holds, the error names the parameter that the method has."""
    parsed = parse_params(params)
    assert method_of(parsed.algorithm).fewer(parsed) == way_out


def test_files_say_what_they_are() -> None:
    """Every file of a result is in its list, in the order in which it was drawn, with its size and a sentence."""
    outcome = pipeline.run(encoded(two_colors()), parse_params({"n_clusters": 2}), lambda *_: True, limits=Limits())
    listed = outcome.result.artifacts
    assert [(file.name, file.bytes) for file in listed] == [(name, len(data)) for name, data in outcome.files.items()]
    for file in listed:
        assert file.description.endswith(".")
        assert "/" in file.media_type


def test_a_job_loads_its_own_method_only() -> None:
    """Neither the packages that methods are held against nor methods of other kinds are loaded for a KMeans job."""
    done = subprocess.run([sys.executable, "-c", ON_DEMAND], capture_output=True, text=True, check=True, timeout=60)
    loaded = set(json.loads(done.stdout))
    assert "worker.clustering.kmeans" in loaded
    # A number of clusters is chosen with either of these, in one file.
    others = {METHODS[algorithm] for algorithm in METHODS if algorithm not in ("kmeans", "agglomerative")}
    assert not loaded & {*others, "sklearn", "hdbscan", "threadpoolctl", "matplotlib"}


def test_clusters_stand_by_share_then_centre() -> None:
    """Labels and centres are renumbered together; of equal shares the lower centre comes first; noise stays noise."""
    points = Points(np.arange(15.0).reshape(5, 3), np.array([1, 4, 2, 2, 9]), np.arange(5))
    labels = np.array([0, 1, 3, 2, NOISE], np.int32)
    centers = np.array([[7.0, 7, 7], [1, 1, 1], [5, 5, 5], [5, 5, 4]])
    ordered = Clustering(labels, centers, KMeansDetails(0.0, 0, np.zeros(1))).by_share(points)
    assert ordered.labels.tolist() == [3, 0, 1, 2, NOISE]
    assert ordered.centers.tolist() == [[1, 1, 1], [5, 5, 4], [5, 5, 5], [7, 7, 7]]
    assert ordered.sums(points.weights).tolist() == [4, 2, 2, 1]
