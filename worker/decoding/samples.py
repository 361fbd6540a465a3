"""Samples of whole pictures: tables applied to them, and more bits made 8."""

from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.unsignedinteger[Any]]
"""Of u8, or of u16 where a file has more than 8 bits."""

Entry = TypeVar("Entry", bound=np.generic)
BLOCK = 1 << 20  # numpy turns indices into eight bytes each: not all of a picture's at once


def look_up(table: NDArray[Entry], index: NDArray[np.integer[Any]]) -> NDArray[Entry]:
    """`table[index]`, in memory of about the result's own size."""
    flat = np.ascontiguousarray(index).reshape(-1)
    found = np.empty((len(flat), *table.shape[1:]), table.dtype)
    for begin in range(0, len(flat), BLOCK):
        found[begin : begin + BLOCK] = table[flat[begin : begin + BLOCK]]
    return found.reshape(*index.shape, *table.shape[1:])


def reduce(samples: NDArray[np.integer[Any]], greatest: int) -> NDArray[np.uint8]:
    """`samples` of 0..greatest as the nearest of 0..255."""
    levels = np.arange(greatest + 1, dtype=np.int64)
    return look_up(((levels * 510 + greatest) // (2 * greatest)).astype(np.uint8), samples)


def eight_bits(samples: Samples) -> NDArray[np.uint8]:
    """Samples of 8 bits as they are, those of 16 rounded."""
    return samples.astype(np.uint8, copy=False) if samples.dtype == np.uint8 else reduce(samples, 65535)


def unpacked(rows: NDArray[np.uint8], bits: int, count: int, order: str) -> Samples:
    """The first `count` samples of `bits` 1..16 in each of `rows` u8[h, bytes]: u8[h, count], above 8 bits u16.

    They stand without gaps, the highest bit first; those of 16 bits in the byte order `order`, < or >.
    """
    if bits == 8:
        return rows[:, :count]
    if bits == 16:
        return np.ascontiguousarray(rows[:, : 2 * count]).view(f"{order}u2").astype(np.uint16, copy=False)
    if bits == 1:
        return np.unpackbits(rows, axis=1, count=count)
    if bits in (2, 4):
        shifts = np.arange(8 - bits, -1, -bits).astype(np.uint8)
        parts = rows[:, :, None] >> shifts & np.uint8((1 << bits) - 1)
        return parts.reshape(len(rows), -1)[:, :count]
    weights = 1 << np.arange(bits)[::-1]
    samples: Samples = np.empty((len(rows), count), np.uint8 if bits < 8 else np.uint16)
    for row, packed in zip(samples, rows, strict=True):  # eight bytes a bit: not all rows at once
        row[:] = np.unpackbits(packed, count=count * bits).reshape(count, bits) @ weights
    return samples
