"""Agglomerative clustering: a dendrogram of all points by one of four linkages, and a cut through it.

All four take memory linear in the number of colours and are exact: heights and, where no two heights are equal,
partitions are those of scipy on the pixels. Complete and average linkage compare all pairs of colours, and so have a
limit (MOST_COMPARED_COLORS).
"""

from itertools import pairwise
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from shared.contract.errors import TooManyColors
from shared.contract.params import AgglomerativeParams, number_of
from shared.contract.params.agglomerative import MOST_COMPARED_COLORS
from worker.clustering.agglomerative.details import AgglomerativeDetails
from worker.clustering.base import Clustering
from worker.clustering.kd_tree import kd_tree
from worker.clustering.spanning_tree import spanning_tree
from worker.color.points import Points
from worker.kernels import dendrogram, dense, forest, linkage, ward
from worker.progress import Meter

# Complete and average linkage of at most so many colours take all distances at once, 270 MB of them. The other way
# would be faster and as right, but where heights are equal another of them would come first.
MOST_AT_ONCE = 8_192
# Of more colours, they take those of the last clusters, 67 MB. With a quarter or twice as many clusters, the 96,615
# colours of a photograph take as long.
MOST_DENSE = 4_096
# Into how many calls that work is cut: more than there are threads, as one of those may be held up.
PIECES = 64
# All that is done with a pair of clusters then takes as long as so many pairs of points.
CHAIN = 20

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


def grow(points: Points, method: Linkage, meter: Meter) -> Tree:
    """The tree of `points` by that linkage."""
    # In raster order from here on, so that the order in which the colours came decides nothing.
    order = np.argsort(points.first)
    coords, weights = points.coords[order], points.weights[order]
    if method == "ward":
        merges = ward_linkage(coords, weights, meter)
        # Ward's heights grow with the root of the weights: where those count parts of a pixel, back to pixels.
        merges = merges._replace(heights=merges.heights / np.sqrt(points.units))
    elif method == "single":
        merges = single_linkage(coords, weights, meter)
    else:
        merges = pairwise_linkage(coords, weights, method == "average", meter)
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


def forest_of(coords: NDArray[np.float64], weights: NDArray[np.int64], meter: Meter) -> forest.Forest:
    """Each point a cluster, without a key."""
    size = len(coords)
    tree = kd_tree(coords, weights, forest.LEAF_SIZE, meter)
    links = np.full((size, 4), forest.NONE, np.int32)
    links[:, forest.ID] = tree.order
    centers = np.column_stack([tree.coords, tree.weights])
    clusters = forest.Forest(centers, np.full(size, np.inf), links, forest.new_nodes(len(tree.begin) + 1))
    forest.plant(tree, clusters)
    return clusters


def single_linkage(coords: NDArray[np.float64], weights: NDArray[np.int64], meter: Meter) -> Merges:
    """Single linkage: the merges are the edges of the Euclidean spanning tree (Gower and Ross 1969)."""
    with meter.part(0.0, 0.05) as part:
        tree = kd_tree(coords, weights, LEAF_SIZE, part)
    with meter.part(0.05, 1.0) as part:
        edges, squares = spanning_tree(tree, np.zeros(len(coords)), part)
    return _dendrogram(edges, np.sqrt(squares), weights)


def pairwise_linkage(
    coords: NDArray[np.float64], weights: NDArray[np.int64], average: bool, meter: Meter, most: int | None = None
) -> Merges:
    """Complete or average linkage: O(U^2) in time, each pair of points compared about once; O(U + most^2) in memory.

    The lowest merges by bounds in a tree, until `most` clusters are left; then by all distances of those.
    """
    size = len(coords)
    if most is None:
        most = size if size <= MOST_AT_ONCE else MOST_DENSE
    if size > MOST_COMPARED_COLORS:
        raise TooManyColors(
            f"{'average' if average else 'complete'} linkage compares every colour with every other and takes at most "
            f"{MOST_COMPARED_COLORS:,} colours; this image has {size:,}. "
            "Use linkage ward or single, or fewer pixels (max_pixels)."
        )
    members = linkage.members_of(coords, weights, max(size - most, 0))
    sought = 0.4 if size > most else 0.0
    with meter.part(0.0, sought) as part:
        edges, heights, first = _lowest(coords, weights, members, average, part)
    order, starts = linkage.contiguous(first, members)
    with meter.part(sought, 1.0) as part:
        last_edges, last_heights = _dense(coords[order], weights[order], starts, average, part)
    return _dendrogram(np.concatenate([edges, first[last_edges]]), np.concatenate([heights, last_heights]), weights)


def _lowest(
    coords: NDArray[np.float64], weights: NDArray[np.int64], members: linkage.Members, average: bool, meter: Meter
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.int64]]:
    """As many merges as `members` has room for, and the first points of the clusters left, whose lists it has then."""
    size = len(coords)
    merges = len(members.first) - size
    edges, heights = np.empty((merges, 2), np.int64), np.empty(merges)
    if not merges:
        return edges, heights, np.arange(size)
    with meter.part(0.0, 0.1) as part:
        # Complete linkage does not care how many pixels a colour has: neither do its bounds, nor what comes first.
        clusters = forest_of(coords, weights if average else np.ones_like(weights), part)
    clusters.keys[:] = 0.0  # of no pair yet, but a bound
    with meter.part(0.1, 1.0) as part:
        work = size + merges
        first = part.run(linkage.merge, clusters, members, average, edges, heights, work=work)
    return edges, heights, np.sort(first)


def _dense(
    coords: NDArray[np.float64], weights: NDArray[np.int64], starts: NDArray[np.int64], average: bool, meter: Meter
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The merges of the clusters whose points begin at `starts`, as numbers of clusters, and their heights."""
    clusters = len(starts) - 1
    pixels = np.add.reduceat(weights, starts[:-1])
    shares = weights / np.repeat(pixels, np.diff(starts))
    x, y, z = np.ascontiguousarray(coords.T)
    groups = dense.Groups(x, y, z, shares, starts)
    distances = np.empty(clusters * (clusters - 1) // 2)
    # Pieces of equal work, by pairs of points.
    pairs = np.concatenate([[0], np.cumsum(np.diff(starts) * (starts[-1] - starts[1:]))])
    bounds = np.searchsorted(pairs, np.linspace(0, pairs[-1], PIECES + 1)[1:-1]).tolist()
    calls = [(begin, end, groups, average, distances) for begin, end in pairwise([0, *bounds, clusters])]
    filled = pairs[-1] / (pairs[-1] + CHAIN * clusters**2)
    with meter.part(0.0, filled) as part:
        part.run_all(dense.fill, calls, int(pairs[-1]))
    edges, heights = np.empty((clusters - 1, 2), np.int64), np.empty(clusters - 1)
    with meter.part(filled, 1.0) as part:
        part.run(dense.chain, distances, pixels, average, edges, heights, work=clusters - 1)
    return edges, heights


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
        clusters = forest_of(coords, weights, part)
    with meter.part(0.05, 0.1) as part:
        part.run_ranges(ward.search_all, size, clusters)
    with meter.part(0.1, 1.0) as part:
        part.run(ward.merge, clusters, parts, heights, work=size - 1)
    return _dendrogram(parts, np.sqrt(heights), weights)
