"""What every clustering method gives back."""

from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from shared.contract.results import NOISE_LABEL
from worker.clustering.agglomerative.details import AgglomerativeDetails
from worker.clustering.hdbscan.details import HdbscanDetails, ReferenceDetails
from worker.clustering.kmeans.details import KMeansDetails
from worker.clustering.optics.details import OpticsDetails
from worker.color.points import Points

NOISE = NOISE_LABEL


@dataclass(frozen=True)
class Clustering:
    """A label for every point, in the method's own numbering; the pipeline orders clusters by share."""

    labels: NDArray[np.int32]  # [U]; 0..k-1, or NOISE
    centers: NDArray[np.float64]  # [k, 3], in the space of the points
    details: "Details"


Details: TypeAlias = KMeansDetails | AgglomerativeDetails | ReferenceDetails | OpticsDetails | HdbscanDetails


class Pixels(NamedTuple):
    """The points, pixel by pixel."""

    points: Points  # in the order of their first pixels
    coords: NDArray[np.float64]  # [N, 3]
    owner: NDArray[np.int64]  # [N]: which of `points` a pixel is, ascending


Answer = tuple[NDArray[Any], Details]  # a label for each pixel, and the details
