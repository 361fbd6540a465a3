"""Samples of whole pictures: tables applied to them, 16 bits made 8, colours taken out of their alpha."""

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


def reduce(samples: NDArray[np.integer[Any]], greatest: int) -> NDArray[np.uint8]:
    """`samples` of 0..greatest as the nearest of 0..255."""
    levels = np.arange(greatest + 1, dtype=np.int64)
    return look_up(((levels * 510 + greatest) // (2 * greatest)).astype(np.uint8), samples)


def unmultiplied(samples: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """RGBA u16[h, w, 4] whose colours were multiplied by alpha, divided by it."""
    alpha = np.maximum(samples[..., 3:].astype(np.uint64), 1)
    colors = np.minimum((samples[..., :3].astype(np.uint64) * 65535 + alpha // 2) // alpha, 65535)
    return np.concatenate([colors.astype(np.uint16), samples[..., 3:]], axis=2)
