"""A regular grid over weighted points: neighbours lie together, in cells with tight boxes and their moments.

Cells are numbered so that the up to 4 x 4 x 4 cells of a block stand together.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from worker.kernels import DONE, STOP, inline, kernel

BLOCK = 64  # cells of a block
STRIDE = 1 << 18  # points between two looks at the progress
SCATTERED = 1 << 14  # the same where each may touch pages of memory for the first time


class Grid(NamedTuple):
    """U points put into the order of C occupied cells in B occupied blocks."""

    order: NDArray[np.int64]  # [U]: grid position -> point
    coords: NDArray[np.float64]  # [U, 3], in grid order
    weights: NDArray[np.float64]  # [U], in grid order; whole numbers
    begin: NDArray[np.int64]  # [C + 1]: the cell's points are begin[c]..begin[c + 1] - 1
    low: NDArray[np.float64]  # [C, 3]: tight bounding box
    high: NDArray[np.float64]  # [C, 3]
    sums: NDArray[np.float64]  # [C, 4]: sums of weight x coordinates, and of the weights
    spread: NDArray[np.float64]  # [C]: sum of weight x squared distance to the cell's mean
    block_begin: NDArray[np.int64]  # [B + 1]: the block's cells
    block_low: NDArray[np.float64]  # [B, 3]: tight bounding box
    block_high: NDArray[np.float64]  # [B, 3]


@kernel
def find_cells(
    coords: NDArray[np.float64], side: int, progress: NDArray[np.int64]
) -> tuple[NDArray[np.int32], NDArray[np.int64], int]:
    """The cells of `coords` f64[U, 3], U >= 1: `side` along the longest axis, a multiple of 4. O(U + side^3).

    Returns each point's cell i32[U], how many points stand before each cell i64[side^3 + 1], and how many cells
    are occupied. `progress` grows by 2 a point.
    """
    low = coords[0].copy()
    high = coords[0].copy()
    for i in range(len(coords)):
        if i % STRIDE == 0:
            if progress[STOP]:
                break
            progress[DONE] += min(STRIDE, len(coords) - i)
        for axis in range(3):
            value = coords[i, axis]
            low[axis] = value if value < low[axis] else low[axis]
            high[axis] = value if value > high[axis] else high[axis]
    width = np.max(high - low)
    scale = side / width if width > 0 else 0.0
    keys = np.empty(len(coords), np.int32)
    first = np.zeros(side * side * side + 1, np.int64)
    blocks = side // 4
    for i in range(len(coords)):
        if i % STRIDE == 0:
            if progress[STOP]:
                break
            progress[DONE] += min(STRIDE, len(coords) - i)
        block = cell = 0
        for axis in range(3):
            place = min(int((coords[i, axis] - low[axis]) * scale), side - 1)
            block = block * blocks + (place >> 2)
            cell = cell << 2 | (place & 3)
        keys[i] = block * BLOCK + cell
        first[keys[i] + 1] += 1
    cells = 0
    for key in range(side * side * side):
        cells += first[key + 1] > 0
        first[key + 1] += first[key]
    return keys, first, cells


@kernel
def put_in_order(
    coords: NDArray[np.float64],
    weights: NDArray[np.int64],
    keys: NDArray[np.int32],
    first: NDArray[np.int64],
    cells: int,
    progress: NDArray[np.int64],
) -> Grid:
    """The grid of `coords` f64[U, 3] after `find_cells`, but for the cells' boxes and moments. Uses up `first`.

    `progress` grows by 1 a point.
    """
    size = len(coords)
    begin = np.empty(cells + 1, np.int64)
    block_begin = np.empty(cells + 1, np.int64)
    cells = 0
    blocks = 0
    last = -1
    for key in range(len(first) - 1):
        if first[key + 1] > first[key]:
            if key // BLOCK != last:
                block_begin[blocks] = cells
                blocks += 1
            last = key // BLOCK
            begin[cells] = first[key]
            cells += 1
    begin[cells] = size
    block_begin[blocks] = cells
    order = np.empty(size, np.int64)
    sorted_coords = np.empty((size, 3))
    sorted_weights = np.empty(size)
    for i in range(size):
        if i % SCATTERED == 0:
            if progress[STOP]:
                break
            progress[DONE] += min(SCATTERED, size - i)
        at = first[keys[i]]
        first[keys[i]] = at + 1
        order[at] = i
        for axis in range(3):
            sorted_coords[at, axis] = coords[i, axis]
        sorted_weights[at] = weights[i]
    return Grid(
        order,
        sorted_coords,
        sorted_weights,
        begin,
        np.empty((cells, 3)),
        np.empty((cells, 3)),
        np.empty((cells, 4)),
        np.empty(cells),
        block_begin[: blocks + 1].copy(),
        np.empty((blocks, 3)),
        np.empty((blocks, 3)),
    )


@kernel
def measure(begin: int, end: int, grid: Grid, progress: NDArray[np.int64]) -> None:
    """Put the blocks begin..end-1 in an order of their own within each cell; fill in their boxes and moments."""
    low, high, block_low, block_high = grid.low, grid.high, grid.block_low, grid.block_high
    for block in range(begin, end):
        if progress[STOP]:
            return
        first = grid.block_begin[block]
        for cell in range(first, grid.block_begin[block + 1]):
            _sort_cell(grid, grid.begin[cell], grid.begin[cell + 1])
            _measure_cell(cell, grid)
            for axis in range(3):
                if cell == first or low[cell, axis] < block_low[block, axis]:
                    block_low[block, axis] = low[cell, axis]
                if cell == first or high[cell, axis] > block_high[block, axis]:
                    block_high[block, axis] = high[cell, axis]
        progress[DONE] += 1


@kernel
def _sort_cell(grid: Grid, begin: int, end: int) -> None:
    """By coordinates, so that the order in which the points came decides nothing.

    Shell sort (Shell 1959, with Knuth's gaps): most cells have a handful of points, or are in order already.
    """
    order, coords, weights = grid.order, grid.coords, grid.weights
    gap = 1
    while 9 * gap < end - begin:
        gap = 3 * gap + 1
    while gap > 0:
        for i in range(begin + gap, end):
            place = (coords[i, 0], coords[i, 1], coords[i, 2])
            point, weight = order[i], weights[i]
            at = i
            while at >= begin + gap:
                other = at - gap
                if not _before(place, (coords[other, 0], coords[other, 1], coords[other, 2])):
                    break
                order[at], weights[at] = order[other], weights[other]
                coords[at, 0], coords[at, 1], coords[at, 2] = coords[other, 0], coords[other, 1], coords[other, 2]
                at = other
            if at < i:
                order[at], weights[at] = point, weight
                coords[at, 0], coords[at, 1], coords[at, 2] = place
        gap //= 3


@inline
def _before(a: tuple[float, float, float], b: tuple[float, float, float]) -> bool:
    return a[0] < b[0] or (a[0] == b[0] and (a[1] < b[1] or (a[1] == b[1] and a[2] < b[2])))


@inline
def _measure_cell(cell: int, grid: Grid) -> None:
    coords, weights = grid.coords, grid.weights
    begin, end = grid.begin[cell], grid.begin[cell + 1]
    mass = 0.0
    for i in range(begin, end):
        mass += weights[i]
    grid.sums[cell, 3] = mass
    spread = 0.0
    for axis in range(3):
        origin = least = most = coords[begin, axis]
        total = shifted = squares = 0.0
        for i in range(begin, end):
            value = coords[i, axis]
            least = value if value < least else least
            most = value if value > most else most
            total += weights[i] * value
            # From the cell's first point, so that little is cancelled.
            offset = value - origin
            shifted += weights[i] * offset
            squares += weights[i] * offset * offset
        grid.low[cell, axis] = least
        grid.high[cell, axis] = most
        grid.sums[cell, axis] = total
        spread += max(0.0, squares - shifted * shifted / mass)
    grid.spread[cell] = spread


@kernel
def put_back(
    begin: int,
    end: int,
    order: NDArray[np.int64],
    labels: NDArray[np.int32],
    out: NDArray[np.int32],
    progress: NDArray[np.int64],
) -> None:
    """out[order[i]] (OUT) = labels[i] for the places begin..end-1: from the order of a grid to that of its points."""
    for start in range(begin, end, SCATTERED):
        if progress[STOP]:
            return
        stop = min(start + SCATTERED, end)
        for i in range(start, stop):
            out[order[i]] = labels[i]
        progress[DONE] += stop - start
