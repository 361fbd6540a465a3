"""A label map as a picture: each pixel in its cluster's colour, or in its own."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shared.contract.results import EXCLUDED_LABEL, NOISE_LABEL
from worker.color.spaces import linear_light
from worker.kernels import painting as kernels
from worker.kernels import read_only
from worker.progress import Meter
from worker.rendering import png

NOISE_GREY = (128, 128, 128)


@dataclass(frozen=True)
class Painting:
    """What is painted over what. Pixels that are left out stay as they are; so does alpha, everywhere."""

    labels: NDArray[Any]  # int[h, w]: 0..k-1, noise -1, left out -2
    base: NDArray[np.uint8]  # [h, w, 3 or 4]: the image itself
    palette: NDArray[np.uint8]  # [k, 3]
    grey_noise: bool = False  # whether noise is painted grey; else it stays as it is

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return self.labels.shape[1], self.labels.shape[0]

    def __post_init__(self) -> None:
        # The kernels trust it.
        if self.labels.shape != self.base.shape[:2] or self.base.shape[2:] not in ((3,), (4,)):
            raise ValueError(
                f"labels must be [h, w] and base [h, w, 3 or 4]; got {self.labels.shape}, {self.base.shape}"
            )
        for name in ("labels", "base"):
            object.__setattr__(self, name, read_only(getattr(self, name)))

    def dithered(self, meter: Meter) -> "Painting":
        """The same with the palette's colours mixed by error diffusion: labels are no longer those of the clusters."""
        if not len(self.palette):
            return self
        light = np.rint(linear_light(np.arange(256.0)) * kernels.ONE).astype(np.int32)
        palette = light[self.palette]
        out = np.empty_like(self.labels)
        meter.run(kernels.diffuse, self.labels, self.base, light, palette, listed(palette), out, work=len(out))
        return replace(self, labels=out)

    def paint(self, begin: int, end: int, rows: NDArray[np.uint8], at: int) -> None:
        """Paint the rows begin..end-1 into `rows` u8[end - begin, bytes] (OUT), from byte `at` of each on."""
        colors = np.concatenate([self.palette, np.zeros((2, 3), np.uint8)])
        kept = np.zeros(len(colors), np.bool_)
        # Negative labels count from the end.
        kept[EXCLUDED_LABEL] = True
        kept[NOISE_LABEL] = not self.grey_noise
        colors[NOISE_LABEL] = NOISE_GREY
        kernels.paint(self.labels[begin:end], self.base[begin:end], colors, kept, at, rows)

    def pixels(self) -> NDArray[np.uint8]:
        """The picture, u8[h, w, 3 or 4]."""
        height, width, channels = self.base.shape
        out = np.empty((height, width * channels), np.uint8)
        self.paint(0, height, out, 0)
        return out.reshape(height, width, channels)

    def png(self, threads: int) -> bytes:
        """The picture as a file: indexed where its colours are the palette's and few enough, else in true colour."""
        lowest = int(self.labels.min(initial=0))
        own = lowest == EXCLUDED_LABEL or (lowest == NOISE_LABEL and not self.grey_noise)
        if self.base.shape[2] == 3 and not own and len(self.palette) < 256:
            grey = np.array([NOISE_GREY], np.uint8)
            return png.indexed(self.labels, np.concatenate([self.palette, grey]), threads=threads)
        return png.truecolor(
            self.size, self.base.shape[2], lambda begin, end, rows: self.paint(begin, end, rows, 1), threads
        )


def listed(palette: NDArray[np.int32]) -> kernels.Cells:
    """For each cell of linear light the entries of `palette` i32[k, 3], k at least 1, that can be nearest in it.

    Of equal entries only the first is listed.
    """
    _, first = np.unique(palette, axis=0, return_index=True)
    cells = kernels.Cells(np.array([0, len(first)], np.int32), np.sort(first).astype(np.int32))
    bounds = (4 * np.arange(kernels.CELLS + 1) ** 2 << kernels.STEP_BITS).astype(np.int32)
    side = 2
    while side <= kernels.CELLS:
        cells = kernels.halve_cells(palette, read_only(bounds[:: kernels.CELLS // side]), cells)
        side *= 2
    return cells
