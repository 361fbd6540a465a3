"""An image and its clusters: what a result is made of, and every output drawn from."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from shared.contract.params import AnyParams
from worker.clustering import Clustering
from worker.color.counting import ColorSet
from worker.color.points import Points
from worker.color.spaces import centers_to_srgb
from worker.decoding.decode import Raster


@dataclass(frozen=True)
class Segmentation:
    """The stages' values for one image with h x w counted pixels, U colours and k clusters."""

    params: AnyParams
    raster: Raster  # as decoded: before `max_pixels` scaled it down and pixels were left out
    colors: ColorSet  # `colors.image` are the pixels that were counted, with alpha 0 where one is left out
    points: Points  # the colours in the space of the clustering
    clustering: Clustering  # of the points, clusters by falling share
    labels: NDArray[np.int16] | NDArray[np.int32]  # [h, w]: 0..k-1, NOISE_LABEL, EXCLUDED_LABEL

    @cached_property
    def centroids(self) -> NDArray[np.float64]:
        """The clusters' centres in sRGB 0..255, f64[k, 3]."""
        return centers_to_srgb(self.points, self.clustering.centers)

    @cached_property
    def palette(self) -> NDArray[np.uint8]:
        """The centroids in whole numbers, u8[k, 3]."""
        return np.rint(self.centroids).astype(np.uint8)

    @cached_property
    def pixels(self) -> NDArray[np.int64]:
        """How many pixels of the label map each cluster has, i64[k]."""
        return self.clustering.sums(self.colors.counts)

    @cached_property
    def weights(self) -> NDArray[np.int64]:
        """What those count, i64[k], in the unit of `points`: with `alpha=weight` a pixel counts by its alpha."""
        return self.clustering.sums(self.points.weights)

    @property
    def shares(self) -> NDArray[np.float64]:
        """Each cluster's share of what was clustered, noise included, f64[k]."""
        return self.weights / self.points.pixels


def label_pixels(
    colors: ColorSet, clustering: Clustering, threads: int | None
) -> NDArray[np.int16] | NDArray[np.int32]:
    """A label for every pixel: int[h, w]."""
    dtype = np.int16 if len(clustering.centers) <= np.iinfo(np.int16).max else np.int32
    return colors.label_map(clustering.labels.astype(dtype), threads)
