"""Agglomerative clustering: a dendrogram of all points by one of four linkages, and a cut through it.

Ward and single linkage take memory linear in the number of colours; complete and average need all distances and so
are limited to MAX_DENSE colours. All four are exact: heights and, where no two heights are equal, partitions are those
of scipy on the pixels.
"""

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from shared.contract.errors import TooManyColors
from shared.contract.params import AgglomerativeParams, number_of
from worker.clustering.agglomerative.details import AgglomerativeDetails
from worker.clustering.base import Clustering
from worker.clustering.kd_tree import kd_tree
from worker.clustering.spanning_tree import spanning_tree
from worker.color.points import Points
from worker.kernels import dendrogram, dense, forest, ward
from worker.progress import Meter

# All distances of so many colours take one gibibyte.
MAX_DENSE = 16_384

Linkage = Literal["ward", "single", "complete", "average"]

# Points in a leaf of single linkage's tree.
LEAF_SIZE = 12


class Merges(NamedTuple):
    """What a linkage makes of U points: see `AgglomerativeDetails`."""

    parts: NDArray[np.int64]  # [U - 1, 2]
    heights: NDArray[np.float64]  # [U - 1]
    pixels: NDArray[np.int64]  # [U - 1]


def run(points: Points, params: AgglomerativeParams, meter: Meter) -> Clustering:
    """Merge by `params.linkage`, cut by number or by distance.

    Fewer colours than `n_clusters` give as many clusters as colours. Clusters are numbered by their first pixel.
    """
    tree = grow(points, params.linkage, meter)
    return tree.clustering(merges_kept(tree.merges.heights, params))


class Tree(NamedTuple):
    """All merges of the points, lowest first, and clusterings by how many of them are left standing."""

    points: Points
    order: NDArray[np.intp]  # [U]: the points in raster order, as the merges number them
    merges: Merges

    def labels(self, kept: int) -> NDArray[np.int32]:
        """The clusters' numbers i32[U], in the order of the points."""
        labels = np.empty(len(self.order), np.int32)
        labels[self.order] = dendrogram.cut(self.merges.parts, kept)
        return labels

    def clustering(self, kept: int) -> Clustering:
        labels, merges = self.labels(kept), self.merges
        return Clustering(
            labels=labels,
            centers=self.points.means(labels, int(labels.max()) + 1),
            details=AgglomerativeDetails(_renumber(merges.parts, self.order), merges.heights, merges.pixels),
        )


def grow(points: Points, linkage: Linkage, meter: Meter) -> Tree:
    """The tree of `points` by that linkage."""
    # In raster order from here on, so that the order in which the colours came decides nothing.
    order = np.argsort(points.first)
    coords, weights = points.coords[order], points.weights[order]
    if linkage == "ward":
        merges = ward_linkage(coords, weights, meter)
        # Ward's heights grow with the root of the weights: where those count parts of a pixel, back to pixels.
        merges = merges._replace(heights=merges.heights / np.sqrt(points.units))
    elif linkage == "single":
        merges = single_linkage(coords, weights, meter)
    else:
        merges = dense_linkage(coords, weights, linkage == "average", meter)
    return Tree(points, order, merges)


def merges_kept(heights: NDArray[np.float64], params: AgglomerativeParams) -> int:
    """How many merges, lowest first, the cut leaves standing: those below the threshold, or all but n_clusters - 1."""
    if params.distance_threshold is not None:
        return int(np.searchsorted(heights, params.distance_threshold, side="left"))
    return max(len(heights) + 1 - number_of(params.n_clusters), 0)


def _renumber(parts: NDArray[np.int64], order: NDArray[np.int64]) -> NDArray[np.int64]:
    """Merges of points in raster order as merges of points as they came."""
    numbers = np.concatenate([order, np.arange(len(order), len(order) + len(parts))])
    return np.sort(numbers[parts], axis=1)


def single_linkage(coords: NDArray[np.float64], weights: NDArray[np.int64], meter: Meter) -> Merges:
    """Single linkage: the merges are the edges of the Euclidean spanning tree (Gower and Ross 1969)."""
    with meter.part(0.0, 0.05) as part:
        tree = kd_tree(coords, weights, LEAF_SIZE, part)
    with meter.part(0.05, 1.0) as part:
        edges, squares = spanning_tree(tree, np.zeros(len(coords)), part)
    return _dendrogram(edges, np.sqrt(squares), weights)


def dense_linkage(coords: NDArray[np.float64], weights: NDArray[np.int64], average: bool, meter: Meter) -> Merges:
    """Complete or average linkage, O(U^2)."""
    size = len(coords)
    if size > MAX_DENSE:
        raise TooManyColors(
            f"{'average' if average else 'complete'} linkage compares every colour with every other and takes at most "
            f"{MAX_DENSE:,} colours; this image has {size:,}. Use linkage ward or single, or fewer pixels (max_pixels)."
        )
    distances = np.empty(size * (size - 1) // 2)
    edges, heights = np.empty((size - 1, 2), np.int64), np.empty(size - 1)
    with meter.part(0.0, 0.2) as part:
        part.run_ranges(dense.fill, (size + 1) // 2, coords, distances)
    with meter.part(0.2, 1.0) as part:
        part.run(dense.chain, distances, weights, average, edges, heights, work=size - 1)
    return _dendrogram(edges, heights, weights)


def _dendrogram(edges: NDArray[np.int64], heights: NDArray[np.float64], weights: NDArray[np.int64]) -> Merges:
    """The dendrogram of edges between clusters, each a merge at its height; equal heights keep their order."""
    order = np.argsort(heights, kind="stable")
    parts, pixels = dendrogram.from_edges(edges[order], weights)
    return Merges(parts, heights[order], pixels)


def ward_linkage(coords: NDArray[np.float64], weights: NDArray[np.int64], meter: Meter) -> Merges:
    """Ward's linkage in memory O(U), and in practice near-linear time; see `worker.kernels.ward`."""
    size = len(coords)
    parts, heights = np.empty((size - 1, 2), np.int64), np.empty(size - 1)
    with meter.part(0.0, 0.05) as part:
        tree = kd_tree(coords, weights, forest.LEAF_SIZE, part)
    links = np.full((size, 4), forest.NONE, np.int32)
    links[:, forest.ID] = tree.order
    centers = np.column_stack([tree.coords, tree.weights])
    clusters = forest.Forest(centers, np.full(size, np.inf), links, forest.new_nodes(len(tree.begin) + 1))
    forest.plant(tree, clusters)
    with meter.part(0.05, 0.1) as part:
        part.run_ranges(ward.search_all, size, clusters)
    with meter.part(0.1, 1.0) as part:
        part.run(ward.merge, clusters, parts, heights, work=size - 1)
    return _dendrogram(parts, np.sqrt(heights), weights)
