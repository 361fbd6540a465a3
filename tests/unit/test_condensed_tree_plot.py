"""HDBSCAN's condensed tree as a plot, against counts over every point."""

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from shared.contract.params import HdbscanParams
from tests.support.images import noise
from tests.support.pictures import colors_in, decoded
from tests.support.plots import blobs, checked, clustered
from worker.clustering import Clustering
from worker.clustering.hdbscan.details import HdbscanDetails
from worker.color.points import Points
from worker.rendering.plots import condensed_tree


def treed(pixels: np.ndarray, **params: Any) -> tuple[Points, HdbscanDetails, Clustering, list[str]]:
    points, found, palette = clustered(pixels, HdbscanParams(**params))
    assert isinstance(found.details, HdbscanDetails)
    return points, found.details, found, palette


@pytest.mark.parametrize(
    "params",
    [
        {"min_cluster_size": 40, "min_samples": 5},
        {"min_cluster_size": 5, "min_samples": 3, "cluster_selection_method": "leaf"},
        {"min_cluster_size": 7000},
    ],
    ids=["eom", "leaf", "root only"],
)
def test_a_step_counts_the_pixels_that_are_left(params: dict[str, Any]) -> None:
    """At each lambda of a cluster: the pixels of the points in it, or below it, that have not left before."""
    points, details, found, _ = treed(blobs(40, 50), **params)
    tree = details.condensed
    data = checked(condensed_tree.data(details, found.labels, points.weights))
    assert data["of"] == len(tree.parent) == len(data["clusters"])
    assert data["pixels"] == 2000
    below = np.eye(len(tree.parent), dtype=bool)  # which clusters are in which, itself among them
    for cluster_, parent in reversed(list(enumerate(tree.parent.tolist()))[1:]):
        below[parent] |= below[cluster_]
    for number, drawn in enumerate(data["clusters"]):
        inside = below[number][tree.point_parent]
        # What lies in a cluster below leaves this one only where it ends.
        leaves = np.where(tree.point_parent == number, tree.point_lambda, np.inf)
        at = np.linspace(tree.birth[number], drawn["steps"][-1][0], condensed_tree.STEPS + 1)
        for (place, pixels), exact in zip(drawn["steps"], at, strict=True):
            assert place == pytest.approx(exact, abs=2e-6)
            on_the_step = np.isclose(leaves, exact, rtol=0, atol=3e-6)  # rounding decides on these
            counted = points.weights[inside & (leaves >= exact)].sum()
            assert abs(pixels - counted) <= points.weights[inside & on_the_step].sum()


def test_clusters_stand_within_their_parents() -> None:
    """Of two that a cluster splits into, both are within its width, one beside the other."""
    points, details, found, _ = treed(blobs(), min_cluster_size=20, min_samples=4)
    clusters = condensed_tree.data(details, found.labels, points.weights)["clusters"]
    assert clusters[0]["parent"] is None
    for number, drawn in enumerate(clusters[1:], 1):
        parent = clusters[drawn["parent"]]
        assert drawn["parent"] < number
        assert parent["left"] <= drawn["left"]
        assert drawn["left"] + drawn["steps"][0][1] <= parent["left"] + parent["steps"][0][1]
        assert drawn["steps"][0][0] == pytest.approx(parent["steps"][-1][0], abs=2e-6)
    for parent_number in {drawn["parent"] for drawn in clusters} - {None}:
        children = [drawn for drawn in clusters if drawn["parent"] == parent_number]
        spans = sorted((child["left"], child["left"] + child["steps"][0][1]) for child in children)
        assert all(a[1] <= b[0] for a, b in pairwise(spans))


@pytest.mark.parametrize("method", ["eom", "leaf"])
def test_each_label_stands_at_the_cluster_that_was_chosen_for_it(method: str) -> None:
    """Every label once; the cluster that has it holds all points with that label."""
    points, details, found, palette = treed(
        blobs(), min_cluster_size=40, min_samples=5, cluster_selection_method=method
    )
    data = condensed_tree.data(details, found.labels, points.weights)
    labels = [drawn["label"] for drawn in data["clusters"]]
    assert sorted(label for label in labels if label is not None) == list(range(len(palette)))
    for number, label in enumerate(labels):
        if label is not None:
            of_label = points.weights[found.labels == label].sum()
            assert of_label <= data["clusters"][number]["steps"][0][1]


def test_a_large_tree_keeps_what_was_chosen() -> None:
    """Of hundreds of clusters 250 are kept, within 10,000 values: few chosen ones that are small are among them."""
    points, details, found, _ = treed(noise(60, 60), min_cluster_size=2, min_samples=1)
    smallest = np.argsort(details.condensed.pixels, kind="stable")[:3]
    assert len(details.condensed.parent) > 2 * condensed_tree.MOST_CLUSTERS
    labels = np.full(len(points), -1, np.int32)
    for label, cluster_ in enumerate(smallest):
        labels[details.condensed.point_parent == cluster_] = label
    few = replace(details, selected=smallest)
    data = checked(condensed_tree.data(few, labels, points.weights))
    assert len(data["clusters"]) == condensed_tree.MOST_CLUSTERS
    assert [drawn["parent"] for drawn in data["clusters"]].count(None) == 1
    assert {drawn["label"] for drawn in data["clusters"]} == {None, 0, 1, 2}
    whole = checked(condensed_tree.data(details, found.labels, points.weights))
    assert whole["chosen"] == len(details.selected) > condensed_tree.MOST_CLUSTERS
    assert condensed_tree._title(whole["chosen"]).startswith(f"{len(details.selected):,} clusters hold")


def test_chosen_clusters_have_their_colour() -> None:
    """Every cluster's colour fills its icicle; without clusters the tree is grey."""
    points, details, found, palette = treed(blobs(), min_cluster_size=200, min_samples=20)
    picture = condensed_tree.draw(condensed_tree.data(details, found.labels, points.weights), palette)
    assert len(palette) >= 3
    assert set(palette) <= colors_in(decoded(picture))
    points, details, found, palette = treed(np.zeros((1, 1, 3), np.uint8))
    picture = condensed_tree.draw(condensed_tree.data(details, found.labels, points.weights), palette)
    assert "#b4b4b4" in colors_in(decoded(picture))


def test_divided_pixels_are_whole_ones_in_the_tree() -> None:
    """Where each pixel counts as 5 parts, the tree has the same pixels as without."""
    points, tree, found, _ = treed(blobs(30, 30), min_cluster_size=20, min_samples=4)
    whole = condensed_tree.data(tree, found.labels, points.weights)
    parts = condensed_tree.data(tree, found.labels, points.weights, units=5)
    assert parts["pixels"] == 180.0
    assert [c["left"] * 5 for c in parts["clusters"]] == pytest.approx([c["left"] for c in whole["clusters"]])
