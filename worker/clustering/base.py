"""What a clustering method is, and what it gives back."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, Protocol, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from shared.contract.params import CommonParams
from shared.contract.results import NOISE_LABEL
from worker.clustering.comparison import Comparison
from worker.color.points import Points
from worker.progress import Meter

NOISE = NOISE_LABEL


class Details(Protocol):
    """What a method says of its run, beside labels and centres; each method has a class of its own."""

    def summary(self) -> dict[str, Any]:
        """What belongs into a result's `quality`: JSON values, a few numbers."""
        ...

    def of_clusters(self, clusters: NDArray[np.int64]) -> Self:
        """The same where cluster i is what was `clusters[i]`, i64[k]; it concerns what is told cluster by cluster."""
        ...


@dataclass(frozen=True)
class Clustering:
    """A label for every point; as a method returns it, in the method's own numbering."""

    labels: NDArray[np.int32]  # [U]; 0..k-1, or NOISE
    centers: NDArray[np.float64]  # [k, 3], in the space of the points
    details: Details

    def sums(self, values: NDArray[np.int64]) -> NDArray[np.int64]:
        """Sums of the points' `values` i64[U] over each cluster, i64[k]; noise is in none."""
        sums = np.zeros(len(self.centers) + 1, np.int64)
        np.add.at(sums, self.labels, values)  # noise, label -1, falls into the last place
        return sums[:-1]

    def by_share(self, points: Points) -> "Clustering":
        """The same with clusters by falling share of the weights, ties by centre."""
        centers = self.centers
        order = np.lexsort((centers[:, 2], centers[:, 1], centers[:, 0], -self.sums(points.weights)))
        rank = np.full(len(centers) + 1, NOISE, np.int32)  # the last entry is noise's: label -1 stays -1
        rank[order] = np.arange(len(centers), dtype=np.int32)
        return Clustering(rank[self.labels], centers[order], self.details.of_clusters(order))


class Pixels(NamedTuple):
    """The points, pixel by pixel, as the peers take them."""

    points: Points  # in the order of their first pixels
    order: NDArray[np.int64]  # [U]: which of the points, as they came, each of those is
    coords: NDArray[np.float64]  # [N, 3]
    owner: NDArray[np.int64]  # [N]: which of `points` a pixel is, ascending


Answer = tuple[NDArray[Any], Details]
"""A peer's: a label for each pixel, and the details, by point as the points came."""

P = TypeVar("P", bound=CommonParams)
D = TypeVar("D", bound=Details)
R = TypeVar("R", bound=Details)


@dataclass(frozen=True, kw_only=True)
class ClusteringMethod(Generic[P, D, R]):
    """What the worker must know of a method. What the service must know of it stands with its parameters."""

    run: Callable[[Points, P, Meter], Clustering]
    """The exact engine: all colours with their counts."""
    peer: Callable[[Pixels, P], Answer] | None = None
    """The reference engine: another package on the pixels themselves. It loads that package when it is called."""
    compare: Callable[[D, R, Points, P], Comparison] | None = None
    """The exact engine's details against the reference engine's."""
    keeps_order: bool = False
    """Whether labels are as the method gives them; others are put in order by falling share."""
    fewer: Callable[[P], str]
    """What to change so that there are fewer clusters: a sentence for a person."""
    more: Callable[[P], str] | None = None
    """What to change where all points are noise, of methods that know noise: likewise."""
    variants: tuple[P, ...] = ()
    """Parameters that lead through kernels that the default ones do not call: for the warm-up."""
    tied: bool = False
    """Whether of equally near pairs either may come first: then they are parted before the engines are compared."""
