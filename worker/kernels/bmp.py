"""BMP's run lengths, of pixels of 8 bits (RLE8) and of 4 (RLE4)."""

import numpy as np
from numpy.typing import NDArray

from worker.kernels import kernel


@kernel
def unpack(data: NDArray[np.uint8], begin: int, four: bool, index: NDArray[np.uint8], drawn: NDArray[np.bool_]) -> bool:
    """Draw the runs of `data` u8[n] from `begin` on: `index` u8[h, w] and `drawn` bool[h, w] (both OUT), bottom first.

    What runs skip, or draw beyond the picture, stays undrawn. False where the data end before the picture does.
    """
    height, width = index.shape
    size = len(data)
    at, x, y = begin, 0, 0
    while y < height:
        if at + 2 > size:
            return False
        count, value = int(data[at]), int(data[at + 1])
        at += 2
        absolute = False
        if count == 0:
            if value == 0:
                x, y = 0, y + 1
                continue
            if value == 1:
                return True
            if value == 2:
                if at + 2 > size:
                    return False
                x, y = x + int(data[at]), y + int(data[at + 1])
                at += 2
                continue
            absolute, count = True, value
            if at + ((count + 1) // 2 if four else count) > size:
                return False
        for pixel in range(count):
            if absolute:
                value = int(data[at + (pixel >> 1 if four else pixel)])
            if x < width:
                index[y, x] = value if not four else value & 15 if pixel & 1 else value >> 4
                drawn[y, x] = True
            x += 1
        if absolute:
            used = (count + 1) // 2 if four else count
            at += used + (used & 1)
    return True
