"""PNG's filters undone (W3C Portable Network Graphics, third edition, section 9.2)."""

import numpy as np
from numpy.typing import NDArray

from worker.kernels import inline, kernel


@kernel
def unfilter(data: NDArray[np.uint8], begin: int, step: int, rows: NDArray[np.uint8]) -> int:
    """Undo the filters of `data` u8[n] from `begin` on: into `rows` u8[h, bytes of a row] (OUT).

    Each row has a byte before it that names its filter; `step` is the number of bytes of a whole pixel, at least 1.
    Returns how many rows there were before one whose filter does not exist: `h` for a whole picture.
    """
    height, size = len(rows), rows.shape[1]
    for y in range(height):
        source = begin + y * (size + 1)
        which = data[source]
        source += 1
        if which > 4:
            return y
        if which == 4 and y > 0:
            for channel in range(step):
                _paeth(data, source, rows, y, channel, step)
            continue
        for x in range(size):
            left = int(rows[y, x - step]) if x >= step else 0
            above = int(rows[y - 1, x]) if y > 0 else 0
            # Above the first row all is 0, and what Paeth predicts is what stands to the left.
            guess = left if which in (1, 4) else above if which == 2 else (left + above) >> 1 if which == 3 else 0
            rows[y, x] = (int(data[source + x]) + guess) & 255
    return height


@kernel
def _paeth(data: NDArray[np.uint8], source: int, rows: NDArray[np.uint8], y: int, channel: int, step: int) -> None:
    """One channel of row `y` > 0. Most rows of photographs are so: decoding spends its time in this loop."""
    left, corner = 0, 0
    for x in range(channel, rows.shape[1], step):
        above = int(rows[y - 1, x])
        left = (int(data[source + x]) + _predicted(left, above, corner)) & 255
        rows[y, x] = left
        corner = above


@inline
def _predicted(left: int, above: int, corner: int) -> int:
    """Of the three neighbours the nearest to left + above - corner, ties in that order; without a branch."""
    threshold = 3 * corner - (left + above)
    low, high = min(left, above), max(left, above)
    nearer = low if high <= threshold else corner
    predicted: int = high if threshold <= low else nearer
    return predicted
