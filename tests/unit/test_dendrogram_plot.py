"""Agglomerative clustering's dendrogram as a plot."""

from typing import Any

import numpy as np
import pytest

from shared.contract.params import AgglomerativeParams
from tests.support.pictures import colors_in, decoded
from tests.support.plots import Found, blobs, checked, clustered
from worker.clustering import Clustering
from worker.clustering.agglomerative.details import AgglomerativeDetails
from worker.color.points import Points
from worker.rendering.plots import dendrogram


def merged(pixels: np.ndarray, **params: Any) -> tuple[Points, AgglomerativeDetails, Clustering, list[str]]:
    points, found, palette = clustered(pixels, AgglomerativeParams(**params))
    assert isinstance(found.details, AgglomerativeDetails)
    return points, found.details, found, palette


def groups_below(found: Found) -> list[list[int]]:
    """The leaves that the drawn merges below the cut join."""
    members: dict[int, list[int]] = {leaf: [leaf] for leaf in range(found["leaves"])}
    for number, (a, b, height, _) in enumerate(found["merges"]):
        if found["cut"] is None or height < found["cut"]:
            members[found["leaves"] + number] = members.pop(a) + members.pop(b)
    return list(members.values())


@pytest.mark.parametrize("clusters", [1, 2, 5, 29, 30, 31, 100])
@pytest.mark.parametrize("linkage", ["ward", "single", "average"])
def test_the_cut_parts_the_tree_into_the_clusters(linkage: str, clusters: int) -> None:
    """Merging what is drawn below the line gives as many groups, each with one label, with its cluster's pixels."""
    points, details, found, _ = merged(blobs(40, 50, 3), linkage=linkage, n_clusters=clusters)
    data = checked(dendrogram.data(details, found.labels, points.weights, clusters, linkage))
    assert data["leaves"] == max(30, clusters)
    assert sum(data["sizes"]) == 2000
    groups = groups_below(data)
    sizes = {data["label"][group[0]]: sum(data["sizes"][leaf] for leaf in group) for group in groups}
    assert all(len({data["label"][leaf] for leaf in group}) == 1 for group in groups)
    expected = np.bincount(found.labels, points.weights).astype(int)
    assert sizes == dict(enumerate(expected.tolist()))


@pytest.mark.parametrize("linkage", ["ward", "single"])
def test_merges_are_those_of_the_whole_tree(linkage: str) -> None:
    """Heights and pixels of the last merges, ascending, each pixel once."""
    points, details, found, _ = merged(blobs(40, 50, 3), linkage=linkage, n_clusters=4)
    data = dendrogram.data(details, found.labels, points.weights, 4, linkage)
    assert [merge[2] for merge in data["merges"]] == details.heights[-29:].tolist()
    size = list(data["sizes"])
    for a, b, _, pixels in data["merges"]:
        size.append(size[a] + size[b])
        assert size[-1] == pixels
    assert size[-1] == 2000


@pytest.mark.parametrize(("colors", "clusters"), [(1, 1), (2, 1), (2, 2), (7, 7), (40, 40), (300, 300), (300, 130)])
def test_trees_of_few_and_of_many_clusters(colors: int, clusters: int) -> None:
    """Of one colour, of as many clusters as colours, of more than are drawn: then a branch has no label."""
    pixels = np.arange(colors * 3, dtype=np.int64).reshape(1, colors, 3) * 7919 % 256
    points, details, found, palette = merged(pixels.astype(np.uint8), n_clusters=clusters)
    data = checked(dendrogram.data(details, found.labels, points.weights, clusters, "ward"))
    assert data["leaves"] == min(colors, max(30, min(clusters, 120)))
    assert (None in data["label"]) == (clusters > data["leaves"])
    if clusters == len(points) and clusters > 1:
        assert 0 <= data["cut"] <= details.heights[0]
    if clusters <= data["leaves"]:
        assert len(groups_below(data)) == clusters
    assert decoded(dendrogram.draw(data, palette)).shape[:2] == (675, 1200)


def test_branches_have_their_clusters_colours() -> None:
    """Every cluster's colour is in the picture: at the leaves, and in the branches below the line."""
    points, details, found, palette = merged(blobs(), n_clusters=6)
    data = dendrogram.data(details, found.labels, points.weights, 6, "ward")
    assert set(palette) <= colors_in(decoded(dendrogram.draw(data, palette)))


def test_divided_pixels_are_whole_ones_in_the_tree() -> None:
    """Where each pixel counts as 5 parts, sizes are in pixels all the same."""
    points, merges, found, _ = merged(blobs(30, 30), n_clusters=4)
    assert sum(dendrogram.data(merges, found.labels, points.weights, 4, "ward", 5)["sizes"]) == pytest.approx(180)
