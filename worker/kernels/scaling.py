"""Means over areas of an image, in linear light."""

import numpy as np
from numpy.typing import NDArray

from worker.kernels import DONE, STOP, inline, kernel


@kernel
def average(
    begin: int,
    end: int,
    pixels: NDArray[np.uint8],
    light: NDArray[np.float64],
    bounds: NDArray[np.float64],
    nearly: NDArray[np.int64],
    out: NDArray[np.uint8],
    progress: NDArray[np.int64],
) -> None:
    """Make rows `begin` to `end` of `out` u8[high, wide, channels] (OUT), neither side of which is longer than that of
    `pixels` u8[height, width, channels].

    `light` f64[256] is a byte's linear light, `bounds` f64[256] the light from which on the next byte is nearer
    (infinite for 255), and `nearly` i64[n + 1] the nearest byte of the light 0, 1/n, 2/n to 1. Progress: rows of
    `pixels`, those on a border twice.
    """
    height, width, channels = pixels.shape
    high, wide = out.shape[0], out.shape[1]
    sums = np.empty((wide, 4))
    for y in range(begin, end):
        sums[:] = 0.0
        # In units in which a row of `pixels` is `high` long, and one of `out` is `height` long; columns likewise.
        top, bottom = y * height, (y + 1) * height
        for row in range(top // high, (bottom + high - 1) // high):
            if progress[STOP]:
                return
            _add_row(pixels[row], light, min(bottom, (row + 1) * high) - max(top, row * high), sums)
            progress[DONE] += 1
        area = float(height) * width
        for x in range(wide):
            visible = sums[x, 3]
            for channel in range(3):
                # Without alpha every pixel is visible; where nothing is, the colour is 0.
                mean = sums[x, channel] / (area if channels == 3 else max(visible, 1.0))
                byte = nearly[int(mean * (len(nearly) - 1))]
                while mean >= bounds[byte]:
                    byte += 1
                out[y, x, channel] = byte
            if channels == 4:
                out[y, x, 3] = max(int(np.rint(visible / area)), int(visible > 0))


@inline
def _add_row(row: NDArray[np.uint8], light: NDArray[np.float64], share: int, sums: NDArray[np.float64]) -> None:
    """Add `row` u8[width, channels] to `sums` f64[wide, 4] (OUT), each pixel times the length that it shares with each
    column times `share`: of light, times alpha where there is one, and of alpha.
    """
    width, channels = row.shape
    wide = len(sums)
    x = 0
    for column in range(width):
        # The part of the pixel that lies in column x; the rest lies in the next one.
        part = min((x + 1) * width - column * wide, wide)
        alpha = 1 if channels == 3 else int(row[column, 3])
        weight = float(part * share * alpha)
        for channel in range(3):
            sums[x, channel] += weight * light[row[column, channel]]
        sums[x, 3] += weight
        if (column + 1) * wide >= (x + 1) * width and x + 1 < wide:
            x += 1
            if part < wide:
                weight = float((wide - part) * share * alpha)
                for channel in range(3):
                    sums[x, channel] += weight * light[row[column, channel]]
                sums[x, 3] += weight
