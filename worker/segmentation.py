"""An image and its clusters: what a result is made of, and every output drawn from."""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from shared.contract.params import AnyParams
from shared.contract.results import NOISE_LABEL, Selection
from worker.clustering import Clustering
from worker.color import contrast, names
from worker.color.counting import ColorSet
from worker.color.points import Points
from worker.color.scaling import scale_down
from worker.color.selection import with_alpha_read
from worker.color.spaces import centers_to_srgb
from worker.decoding.decode import Raster
from worker.progress import Meter


class Tried(NamedTuple):
    """One number of clusters that was tried."""

    number: int  # as many as there are in the palette, but for those without a pixel
    labels: NDArray[np.int32]  # [U]: by colour
    palette: NDArray[np.uint8]  # [k, 3]


@dataclass(frozen=True)
class Segmentation:
    """The stages' values for one image with h x w counted pixels, U colours and k clusters."""

    params: AnyParams
    raster: Raster  # as decoded: before `max_pixels` scaled it down and pixels were left out
    colors: ColorSet  # `colors.image` are the pixels that were counted, with alpha 0 where one is left out
    points: Points  # the colours in the space of the clustering
    clustering: Clustering  # of the points, clusters by falling share
    labels: NDArray[np.int16] | NDArray[np.int32]  # [h, w]: 0..k-1, NOISE_LABEL, EXCLUDED_LABEL
    selection: Selection | None = None  # how the number of clusters was chosen, where it was
    tried: tuple[Tried, ...] = ()  # the numbers of clusters that were tried then

    @cached_property
    def centroids(self) -> NDArray[np.float64]:
        """The clusters' centres in sRGB 0..255, f64[k, 3]."""
        return centers_to_srgb(self.points, self.clustering.centers)

    @cached_property
    def palette(self) -> NDArray[np.uint8]:
        """The centroids in whole numbers, u8[k, 3]."""
        return np.rint(self.centroids).astype(np.uint8)

    @cached_property
    def names(self) -> list[names.Named]:
        """The nearest name of each palette colour, of the list that the request asks for."""
        return names.nearest(self.palette, self.params.names)

    @cached_property
    def luminance(self) -> NDArray[np.float64]:
        """WCAG's relative luminance of each palette colour, f64[k]."""
        return contrast.luminance(self.palette)

    @cached_property
    def texts(self) -> list[contrast.Ink]:
        """Black or white, as hex, for each palette colour: what is legible on it."""
        return contrast.text_on(self.luminance)

    def picture(self, meter: Meter) -> NDArray[np.uint8]:
        """The image at the label map's size, u8[h, w, 3 or 4]: what is left out is in it too, and alpha as it was."""
        blended = self.params.alpha not in ("ignore", "weight", "opaque")
        pixels = with_alpha_read(self.raster.pixels, self.params.alpha) if blended else self.raster.pixels
        if pixels.shape[:2] == self.labels.shape:
            return pixels
        assert self.params.max_pixels is not None  # nothing else makes the label map smaller
        smaller = scale_down(pixels, self.params.max_pixels, meter)
        assert smaller.shape[:2] == self.labels.shape
        return smaller

    def without_noise(self, meter: Meter) -> NDArray[np.int16] | NDArray[np.int32]:
        """The label map with noise given to the nearest cluster's centre, in the space of the clustering."""
        noise = np.flatnonzero(self.clustering.labels == NOISE_LABEL)
        if not len(noise):
            return self.labels
        labels = self.clustering.labels.astype(self.labels.dtype)
        _, nearest = cKDTree(self.clustering.centers).query(self.points.coords[noise], workers=meter.threads)
        labels[noise] = nearest
        return self.colors.label_map(labels, meter.threads)

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
