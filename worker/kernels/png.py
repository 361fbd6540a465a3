"""PNG's filters undone (W3C Portable Network Graphics, third edition, section 9.2)."""

import numpy as np
from numpy.typing import NDArray

from worker.kernels import inline, kernel


@kernel
def unfilter(data: NDArray[np.uint8], step: int, first: int, rows: NDArray[np.uint8]) -> int:
    """Undo the filters of `data` u8[n], whole rows: into `rows` u8[h, bytes of a row] (OUT) from row `first` on.

    Each row has a byte before it that names its filter; `step` is the number of bytes of a whole pixel, at least 1.
    Row `first` - 1 is there already. Returns the row behind the last of `data`, or the first whose filter does not
    exist.
    """
    size = rows.shape[1]
    end: int = first + len(data) // (size + 1)
    for y in range(first, end):
        begin = (y - first) * (size + 1)
        which = data[begin]
        source, row = data[begin + 1 : begin + 1 + size], rows[y]
        if which > 4:
            return y
        if which == 4 and y > 0:
            channel = 0
            while channel + 3 <= step:
                _paeth_of_three(source, rows[y - 1], row, channel, step)
                channel += 3
            for last in range(channel, step):
                _paeth(source, rows[y - 1], row, last, step)
            continue
        for x in range(size):
            left = int(row[x - step]) if x >= step else 0
            above = int(rows[y - 1, x]) if y > 0 else 0
            # Above the first row all is 0, and what Paeth predicts is what stands to the left.
            guess = left if which in (1, 4) else above if which == 2 else (left + above) >> 1 if which == 3 else 0
            row[x] = (int(source[x]) + guess) & 255
    return end


@kernel
def _paeth_of_three(
    source: NDArray[np.uint8], over: NDArray[np.uint8], row: NDArray[np.uint8], channel: int, step: int
) -> None:
    """`_paeth` for this channel and the two behind it.

    Most rows of photographs are so: decoding spends its time in this loop. Each byte waits for the one to its left, so
    that three channels take as long as one.
    """
    left, left1, left2 = 0, 0, 0
    corner, corner1, corner2 = 0, 0, 0
    for pixel in range(len(row) // step):
        # Unsigned, so that no index is tried for being negative.
        x = np.uint64(pixel) * np.uint64(step) + np.uint64(channel)
        x1, x2 = x + np.uint64(1), x + np.uint64(2)
        above, above1, above2 = int(over[x]), int(over[x1]), int(over[x2])
        left = (int(source[x]) + _predicted(left, above, corner)) & 255
        left1 = (int(source[x1]) + _predicted(left1, above1, corner1)) & 255
        left2 = (int(source[x2]) + _predicted(left2, above2, corner2)) & 255
        row[x], row[x1], row[x2] = left, left1, left2
        corner, corner1, corner2 = above, above1, above2


@kernel
def _paeth(source: NDArray[np.uint8], over: NDArray[np.uint8], row: NDArray[np.uint8], channel: int, step: int) -> None:
    """One channel of a row, below the row `over`."""
    left, corner = 0, 0
    for x in range(channel, len(row), step):
        above = int(over[x])
        left = (int(source[x]) + _predicted(left, above, corner)) & 255
        row[x] = left
        corner = above


@inline
def _predicted(left: int, above: int, corner: int) -> int:
    """Of the three neighbours the nearest to left + above - corner, ties in that order; without a branch."""
    threshold = 3 * corner - (left + above)
    low, high = min(left, above), max(left, above)
    nearer = low if high <= threshold else corner
    predicted: int = high if threshold <= low else nearer
    return predicted
