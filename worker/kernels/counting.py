"""Counting colours: one pass over the pixels into a table of all 2^24 colours, and look-ups through such a table.

A colour's key is `red << 16 | green << 8 | blue`.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from worker.kernels import DONE, STOP, inline, kernel

KEYS = 1 << 24
MOST = 255  # what an entry of the table can hold
STRIDE = 1 << 18  # pixels between two looks at the progress


class Tally(NamedTuple):
    """What one thread counts n pixels into. A byte a colour: a table four times as large misses the caches."""

    counts: NDArray[np.uint8]  # [2^24]; all zero between two uses
    found: NDArray[np.int64]  # [min(n, 2^24)] (OUT): key << 32 | raster index of the first pixel, in raster order
    full: NDArray[np.int32]  # [n // MOST] (OUT): a key for each time that its entry was full and began anew at 0


@inline
def _key(pixels: NDArray[np.uint8], at: np.uint64) -> np.uint64:
    """The key of the pixel whose red is pixels[at]. Unsigned, so that no index is tried for being negative."""
    red, green, blue = pixels[at], pixels[at + np.uint64(1)], pixels[at + np.uint64(2)]
    return np.uint64(red) << np.uint64(16) | np.uint64(green) << np.uint64(8) | np.uint64(blue)


@kernel
def tally(
    begin: int, end: int, pixels: NDArray[np.uint8], channels: int, into: Tally, progress: NDArray[np.int64]
) -> tuple[int, int]:
    """Count the pixels begin..end-1 of `pixels` u8[n * channels], but those whose fourth of four channels is 0.

    Returns how many entries of `into.found` and of `into.full` are in use.
    """
    found = full = 0
    for start in range(begin, end, STRIDE):
        if progress[STOP]:
            break
        stop = min(start + STRIDE, end)
        for i in range(start, stop):
            at = np.uint64(i) * np.uint64(channels)
            if channels == 4 and pixels[at + np.uint64(3)] == 0:
                continue
            key = _key(pixels, at)
            count = into.counts[key]
            if count == MOST:
                into.full[full] = key
                full += 1
                count = np.uint8(0)
            elif count == 0:
                into.found[found] = np.int64(key) << 32 | i
                found += 1
            into.counts[key] = count + np.uint8(1)
        progress[DONE] += stop - start
    return found, full


@kernel
def collect(
    found: NDArray[np.int64], full: NDArray[np.int32], tables: tuple[NDArray[np.uint8], NDArray[np.uint8]], both: bool
) -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.int64]]:
    """The colours u8[U, 3] in ascending order, their counts i64[U] and first pixels i64[U].

    `found` and `full` are those of all tallies, sorted; `tables` are the tallies' counts, of which the second is
    looked at if there are `both`. The tables are all zero afterwards.
    """
    unique = 0
    for at in range(len(found)):
        unique += at == 0 or found[at] >> 32 != found[at - 1] >> 32
    colors = np.empty((unique, 3), np.uint8)
    counts = np.empty(unique, np.int64)
    first = np.empty(unique, np.int64)
    rank = -1
    last = np.int64(-1)
    seen = 0
    for at in range(len(found)):
        key = found[at] >> 32
        if key == last:
            continue
        last = key
        rank += 1
        colors[rank, 0] = key >> 16
        colors[rank, 1] = key >> 8
        colors[rank, 2] = key
        first[rank] = found[at] & 0xFFFFFFFF
        counts[rank] = tables[0][key]
        tables[0][key] = 0
        if both:
            counts[rank] += tables[1][key]
            tables[1][key] = 0
        while seen < len(full) and full[seen] == key:
            counts[rank] += MOST
            seen += 1
    return colors, counts, first


@kernel
def enter(colors: NDArray[np.uint8], values: NDArray[Any], table: NDArray[Any]) -> None:
    """Write each of `values` [U] into `table` [2^24] (OUT) at the key of its colour of `colors` u8[U, 3]."""
    for i in range(len(colors)):
        table[np.int64(colors[i, 0]) << 16 | np.int64(colors[i, 1]) << 8 | np.int64(colors[i, 2])] = values[i]


@kernel
def look_up(
    begin: int,
    end: int,
    pixels: NDArray[np.uint8],
    channels: int,
    table: NDArray[Any],
    excluded: int,
    out: NDArray[Any],
    progress: NDArray[np.int64],
) -> None:
    """Write what `table` [2^24] has for the pixels begin..end-1 of `pixels` u8[n * channels] to `out` [n] (OUT).

    It is `excluded` where the fourth of four channels is 0.
    """
    for start in range(begin, end, STRIDE):
        if progress[STOP]:
            return
        stop = min(start + STRIDE, end)
        for i in range(start, stop):
            at = np.uint64(i) * np.uint64(channels)
            if channels == 4 and pixels[at + np.uint64(3)] == 0:
                out[i] = excluded
            else:
                out[i] = table[_key(pixels, at)]
        progress[DONE] += stop - start
