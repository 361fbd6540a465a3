"""HDBSCAN from its definition, on every pixel: all edges of a length are removed at once, longest first. Slow."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components


class Found(NamedTuple):
    """The clusters that excess of mass chooses at one size."""

    labels: NDArray[np.int64]  # [N], -1 for noise
    merit: float  # share of the pixels in clusters, times the share of their pairs in two different ones


def reaches(pixels: NDArray[np.float64], min_samples: int, resolution: float = 1.0) -> NDArray[np.float64]:
    """Mutual reachability f64[N, N] of `pixels` f64[N, 3], none below `resolution`."""
    gaps = np.sqrt(((pixels[:, None] - pixels[None]) ** 2).sum(axis=2))
    cores = np.maximum(np.sort(gaps, axis=1)[:, min_samples], resolution)
    return np.maximum(gaps, np.maximum(cores[:, None], cores[None]))


def by_excess_of_mass(reach: NDArray[np.float64], least: int) -> Found:
    """The clusters of at least `least` pixels with the greatest excess of mass; the root is none."""

    def fall_apart(members: NDArray[np.int64]) -> tuple[float, list[NDArray[np.int64]]]:
        """The level at which the members hang together no more, and the parts just below it."""
        among = reach[np.ix_(members, members)]
        for height in np.unique(among)[::-1]:
            count, number = connected_components(among < height, directed=False)
            if count > 1:
                return float(height), [members[number == part] for part in range(count)]
        raise AssertionError("a single pixel cannot fall apart")

    def grow(members: NDArray[np.int64], birth: float) -> tuple[float, list[NDArray[np.int64]]]:
        """Stability of the cluster born with `members`, or of the best ones below it, and which these are."""
        stability, inside = 0.0, members
        while True:
            height, parts = fall_apart(inside)
            big = [part for part in parts if len(part) >= least]
            if len(big) != 1:
                break
            stability += (len(inside) - len(big[0])) * (1 / height - birth)
            inside = big[0]
        stability += len(inside) * (1 / height - birth)
        below = [grow(part, 1 / height) for part in big]
        best = sum(value for value, _ in below)
        chosen = [part for _, parts in below for part in parts]
        is_root = len(members) == len(reach)
        return (best, chosen) if is_root or best > stability else (stability, [members])

    labels = np.full(len(reach), -1)
    for number, part in enumerate(grow(np.arange(len(reach)), 0.0)[1]):
        labels[part] = number
    return Found(labels, _merit(labels))


def _merit(labels: NDArray[np.int64]) -> float:
    clustered = labels >= 0
    apart = (labels[:, None] != labels[None]) & clustered[:, None] & clustered[None]
    return float(clustered.mean() * apart.mean())
