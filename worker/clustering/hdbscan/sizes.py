"""Which `min_cluster_size` to take: that whose clusters tell the pixels apart best.

Every size from the given one up is tried, each with the clusters that excess of mass selects at it. The best has the
greatest c * s: c is the share of the pixels that are in a cluster, s the share of the pairs of pixels that are in two
different ones. Noise lowers both, and one cluster that has nearly all lowers s.

The condensed trees of all sizes come from that of the smallest: see `kernels.enlarge`. A tree changes at no more sizes
than it has clusters, and at size m there are at most 2 N / m of them. So all sizes together cost little more than one.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from worker.kernels import condense as kernels


class Size(NamedTuple):
    """A size and what is found at it."""

    min_cluster_size: int
    covered: float  # c
    separation: float  # s

    @property
    def merit(self) -> float:
        return self.covered * self.separation


def best_size(tree: kernels.Condensed, stability: NDArray[np.float64], least: int, with_root: bool) -> Size:
    """The best size from `least` up, the smallest among equals. `tree` and `stability` f64[C] are those of `least`."""
    total = tree.pixels[kernels.ROOT]
    parent, pixels = tree.parent, tree.pixels
    best = Size(least, 0.0, 0.0)
    while len(parent) > 1:
        chosen = kernels.excess_of_mass(parent, stability.copy(), with_root)
        shares = pixels[chosen] / total
        covered = float(shares.sum())
        size = Size(least, covered, covered**2 - float((shares**2).sum()))
        best = max(best, size, key=lambda each: each.merit)
        least = int(pixels[1:].min()) + 1  # up to here nothing changes
        parent, pixels, stability = kernels.enlarge(parent, pixels, stability, least)
    return best
