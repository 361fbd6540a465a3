"""Weighted points: what every clustering method takes."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shared.contract.params import ColorSpace


@dataclass(frozen=True)
class Standardization:
    """Per-axis shift and scale: `coords = (in the space - mean) / scale`."""

    mean: NDArray[np.float64]  # [3]
    scale: NDArray[np.float64]  # [3], never 0


@dataclass(frozen=True)
class Points:
    """U distinct points with counts. A weight of w means exactly w identical pixels.

    Where pixels count by their alpha, the weights count `units` of a pixel: w means w identical such parts. Every
    method sees those parts as it sees pixels otherwise; parameters given in pixels are multiplied by `units`.

    `first` is the raster index of each point's first pixel: it breaks ties as scikit-learn would on the pixels.
    The arrays are made read-only.
    """

    coords: NDArray[np.float64]  # [U, 3], finite
    weights: NDArray[np.int64]  # [U], >= 1
    first: NDArray[np.int64]  # [U], distinct
    space: ColorSpace = "rgb"
    standardization: Standardization | None = None
    units: int = 1  # parts of a pixel that the weights count: 1, 3, 5, 15, 17, 51, 85 or 255

    def __post_init__(self) -> None:
        size = len(self.coords)
        if self.coords.shape != (size, 3) or self.weights.shape != (size,) or self.first.shape != (size,):
            raise ValueError(
                f"coords must be [U, 3] and weights and first [U]; got {self.coords.shape}, "
                f"{self.weights.shape} and {self.first.shape}"
            )
        for name, dtype in (("coords", np.float64), ("weights", np.int64), ("first", np.int64)):
            array = np.ascontiguousarray(getattr(self, name), dtype=dtype).view()
            array.flags.writeable = False
            object.__setattr__(self, name, array)

    def __len__(self) -> int:
        return len(self.coords)

    @property
    def pixels(self) -> int:
        """How many pixels, or `units` of a pixel, the points stand for."""
        return int(self.weights.sum())

    def means(self, labels: NDArray[np.int32], clusters: int) -> NDArray[np.float64]:
        """The mean of each cluster's pixels, f64[clusters, 3]. `labels` i32[U]: negative ones are left out."""
        inside = labels >= 0
        labels, weights, coords = labels[inside], self.weights[inside], self.coords[inside]
        pixels = np.bincount(labels, weights, clusters)
        sums = [np.bincount(labels, weights * coords[:, axis], clusters) for axis in range(3)]
        return np.column_stack(sums) / pixels[:, None]
