"""Tables applied to whole pictures."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

_BLOCK = 1 << 20  # numpy turns indices into eight bytes each: not all of a picture's at once


def look_up(table: NDArray[np.uint8], index: NDArray[np.integer[Any]]) -> NDArray[np.uint8]:
    """`table[index]`, in memory of about the result's own size."""
    entry = table.shape[1:]
    flat = np.ascontiguousarray(index).reshape(-1)
    found = np.empty((len(flat), *entry), np.uint8)
    for begin in range(0, len(flat), _BLOCK):
        found[begin : begin + _BLOCK] = table[flat[begin : begin + _BLOCK]]
    return found.reshape(*index.shape, *entry)
