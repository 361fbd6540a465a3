"""HDBSCAN from its definition, on every pixel: all edges of a length are removed at once, longest first. Slow."""

from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components, minimum_spanning_tree

Members = NDArray[np.int64]


@dataclass(frozen=True)
class Cluster:
    """A cluster of the condensed tree."""

    members: Members  # all of its pixels, at its birth
    stability: float
    below: list["Cluster"]  # none or at least two


def reaches(pixels: NDArray[np.float64], min_samples: int, resolution: float = 1.0) -> NDArray[np.float64]:
    """Mutual reachability f64[N, N] of `pixels` f64[N, 3], none below `resolution`."""
    gaps = np.sqrt(((pixels[:, None] - pixels[None]) ** 2).sum(axis=2))
    cores = np.maximum(np.sort(gaps, axis=1)[:, min_samples], resolution)
    return np.maximum(gaps, np.maximum(cores[:, None], cores[None]))


def condensed(reach: NDArray[np.float64], least: int) -> Cluster:
    """The root of the tree of clusters of at least `least` pixels."""

    def fall_apart(members: Members) -> tuple[float, list[Members]]:
        """The level at which the members hang together no more, and the parts just below it."""
        among = reach[np.ix_(members, members)]
        height = minimum_spanning_tree(among).max()  # of no path between two of them is the longest edge longer
        count, number = connected_components(among < height, directed=False)
        return float(height), [members[number == part] for part in range(count)]

    def grow(members: Members, birth: float) -> Cluster:
        stability, inside = 0.0, members
        while True:
            height, parts = fall_apart(inside)
            big = [part for part in parts if len(part) >= least]
            if len(big) != 1:
                break
            stability += (len(inside) - len(big[0])) * (1 / height - birth)
            inside = big[0]
        stability += len(inside) * (1 / height - birth)
        return Cluster(members, stability, [grow(part, 1 / height) for part in big])

    return grow(np.arange(len(reach)), 0.0)


def mass(cluster: Cluster) -> float:
    """The excess of mass of all that is in it."""
    return cluster.stability + sum(mass(each) for each in cluster.below)


def pruned(cluster: Cluster, least: int) -> Cluster:
    """As if clusters of fewer than `least` pixels were not told apart; one that is left alone goes on as its parent."""
    below = [pruned(each, least) for each in cluster.below if len(each.members) >= least]
    stability = cluster.stability + sum(mass(each) for each in cluster.below if len(each.members) < least)
    if len(below) == 1:
        return Cluster(cluster.members, stability + below[0].stability, below[0].below)
    return Cluster(cluster.members, stability, below)


def by_excess_of_mass(root: Cluster) -> list[Members]:
    """The disjoint clusters of the greatest stability in all; the root is none."""

    def best(cluster: Cluster) -> tuple[float, list[Members]]:
        below = [best(each) for each in cluster.below]
        stability = sum(value for value, _ in below)
        if cluster is not root and stability <= cluster.stability:
            return cluster.stability, [cluster.members]
        return stability, [members for _, chosen in below for members in chosen]

    return best(root)[1]


def leaves(root: Cluster) -> list[Members]:
    """The clusters that none split from; the root is none."""
    return [leaf for each in root.below for leaf in leaves(each) or [each.members]]


def labels_of(clusters: list[Members], pixels: int) -> NDArray[np.int64]:
    """i64[N], -1 for noise."""
    labels = np.full(pixels, -1)
    for number, members in enumerate(clusters):
        labels[members] = number
    return labels


def merit(clusters: list[Members], pixels: int) -> float:
    """The share of the pixels in clusters, times the share of the pairs of pixels in two different ones."""
    labels = labels_of(clusters, pixels)
    clustered = labels >= 0
    apart = (labels[:, None] != labels[None]) & clustered[:, None] & clustered[None]
    return float(clustered.mean() * apart.mean())


def most_apart(root: Cluster, sizes: range) -> tuple[int, list[Members]]:
    """Of `sizes` the first whose clusters by excess of mass have four fifths of the greatest merit, and these."""
    found = {size: by_excess_of_mass(pruned(root, size)) for size in sizes}
    merits = {size: merit(clusters, len(root.members)) for size, clusters in found.items()}
    size = next(size for size in sizes if merits[size] >= 0.8 * max(merits.values()) - 1e-12)
    return size, found[size]


def most_persistent(reach: NDArray[np.float64], sizes: range) -> tuple[int, list[Members]]:
    """Of `sizes`, each condensed anew, the first whose leaves are leaves at the most of them in all, and these."""
    found = {size: leaves(condensed(reach, size)) for size in sizes}
    lifetime = Counter(leaf.tobytes() for all_leaves in found.values() for leaf in all_leaves)
    size = max(sizes, key=lambda size: sum(lifetime[leaf.tobytes()] for leaf in found[size]))
    return size, found[size]
