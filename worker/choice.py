"""The number of clusters, where it is to be chosen: tried, chosen, and told."""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from shared.contract.params import AgglomerativeParams, AnyParams, KMeansParams, range_of, rgb_of_color
from shared.contract.results import Candidate, Selection
from worker.clustering import Clustering
from worker.color.points import Points
from worker.color.spaces import centers_to_srgb
from worker.progress import Meter
from worker.quality import criteria
from worker.segmentation import Tried

if TYPE_CHECKING:
    from worker.clustering import choose_k


class Chosen(NamedTuple):
    """What came of a choice."""

    clustering: Clustering
    selection: Selection
    tried: tuple[Tried, ...]


def choose(points: Points, params: AnyParams, meter: Meter, *, frames: bool) -> Chosen | None:
    """The best number of clusters and its clustering; None where `params` give the number.

    With `frames` the clusters of every number that was tried are kept.
    """
    if not isinstance(params, KMeansParams | AgglomerativeParams):
        return None
    span = range_of(params.n_clusters)
    if span is None:
        return None
    from worker.clustering import choose_k  # loads methods that most jobs do not need

    fixed = [rgb_of_color(color) for color in params.fixed] if isinstance(params, KMeansParams) else []
    numbers = range(span.min, span.max + 1)
    clustering, found = choose_k.choose(points, params, numbers, params.criterion, meter, fixed)
    selection = Selection(
        criterion=found.criterion, chosen=found.chosen, reason=found.reason, curve=[_told(one) for one in found.curve]
    )
    return Chosen(clustering, selection, _tried(points, found) if frames else ())


def _told(one: criteria.Candidate) -> Candidate:
    return Candidate(
        n_clusters=one.n_clusters,
        inertia=one.indices.inertia,
        silhouette=one.silhouette.value,
        calinski_harabasz=one.indices.calinski_harabasz,
        davies_bouldin=one.indices.davies_bouldin,
        bic=one.indices.bic,
    )


def _tried(points: Points, found: "choose_k.Selection") -> tuple[Tried, ...]:
    """The labels and colours of each number; a cluster without a pixel is left out."""
    tried = []
    for one, row in zip(found.curve, found.frames.labels, strict=True):
        used, labels = np.unique(row[found.frames.cells], return_inverse=True)
        centers = points.means(labels.astype(np.int32), len(used))
        palette = np.rint(centers_to_srgb(points, centers)).astype(np.uint8)
        tried.append(Tried(one.n_clusters, labels.astype(np.int32), palette))
    return tuple(tried)
