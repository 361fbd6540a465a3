"""Which `min_cluster_size` to take, of all sizes from the given one up.

The condensed trees of all sizes come from that of the smallest: see `kernels.enlarge`. A tree changes at no more sizes
than it has clusters, and at size m there are at most 2 N / m of them. So all sizes together cost little more than one.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from worker.kernels import condense as kernels


class Span(NamedTuple):
    """Sizes from `least` to `most`, at all of which the condensed tree has the same clusters."""

    least: int
    most: int
    clusters: kernels.Clusters


def spans(tree: kernels.Condensed, stability: NDArray[np.float64], least: int) -> Iterator[Span]:
    """All sizes at which something splits, ascending. `tree` and `stability` f64[C] are those of size `least`."""
    clusters = kernels.Clusters(tree.parent, tree.pixels, stability, np.arange(len(tree.parent)))
    while len(clusters.parent) > 1:
        most = int(clusters.pixels[1:].min())
        yield Span(least, most, clusters)
        least = most + 1
        clusters = kernels.enlarge(clusters, least)


def most_apart(tree: kernels.Condensed, stability: NDArray[np.float64], least: int) -> int:
    """The size whose clusters by excess of mass tell the pixels apart best, the smallest among equals.

    Best is the greatest c * s: c is the share of the pixels that are in a cluster, s the share of the pairs of pixels
    that are in two different ones. Noise lowers both, and one cluster that has nearly all lowers s.
    """
    best, size = 0.0, least
    for span in spans(tree, stability, least):
        chosen = kernels.excess_of_mass(span.clusters.parent, span.clusters.stability.copy(), False)
        shares = span.clusters.pixels[chosen] / tree.pixels[kernels.ROOT]
        covered = shares.sum()
        merit = covered * (covered**2 - (shares**2).sum())
        if merit > best:
            best, size = merit, span.least
    return size


def most_persistent(tree: kernels.Condensed, stability: NDArray[np.float64], least: int) -> int:
    """The size whose leaves are leaves at the most sizes, all leaves together; the smallest among equals.

    (PLSCAN by size: Bot, McInnes and Aerts, Persistent multiscale density-based clustering, arXiv 2512.16558, 2025.)
    """
    lifetime = np.zeros(len(tree.parent), np.int64)
    leaves = [(least, np.empty(0, np.int64))]
    for span in spans(tree, stability, least):
        found = span.clusters.origin[kernels.leaves(span.clusters.parent)]
        lifetime[found] += span.most - span.least + 1
        leaves.append((span.least, found))
    return max(leaves, key=lambda each: lifetime[each[1]].sum())[0]


CHOICES = {"auto": most_apart, "plscan": most_persistent}
"""By `cluster_selection_method`."""
