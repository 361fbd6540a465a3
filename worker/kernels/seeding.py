"""k-means++ over a grid of weighted points."""

import numpy as np
from numpy.typing import NDArray

from worker.kernels import DONE, STOP, inline, kernel
from worker.kernels.grid import Grid

Floats = NDArray[np.float64]


@kernel
def seed_centers(grid: Grid, uniforms: Floats, fixed: int, centers: Floats, progress: NDArray[np.int64]) -> None:
    """Greedy k-means++ (Arthur, Vassilvitskii 2007): `centers` f64[k, 3] (OUT) from the points of the grid.

    The first `fixed` of them are given. Each next centre is the best of several points drawn with a probability
    proportional to weight x squared distance to the nearest centre yet. `uniforms` f64[k, candidates] are the draws, in
    0..1. A candidate is compared only with the blocks and cells that it can reach. `progress` grows by 1 a centre.
    """
    blocks = len(grid.block_low)
    nearest = np.ones(len(grid.coords))
    farthest = np.full(blocks, np.inf)  # largest of `nearest` in each block
    potential = np.zeros(blocks)  # sum of weight x `nearest` in each block
    for block in range(blocks):
        for cell in range(grid.block_begin[block], grid.block_begin[block + 1]):
            potential[block] += grid.sums[cell, 3]
    chosen = _draw(grid, nearest, potential, uniforms[0, 0])
    nearest[:] = np.inf
    for j in range(len(centers)):
        if progress[STOP]:
            return
        if j > 0 and j >= fixed:
            most = -1.0
            for candidate in range(uniforms.shape[1]):
                drawn = _draw(grid, nearest, potential, uniforms[j, candidate])
                gain = _gain(grid, nearest, farthest, drawn)
                if gain > most:
                    most = gain
                    chosen = drawn
        if j >= fixed:
            for axis in range(3):
                centers[j, axis] = grid.coords[chosen, axis]
        _admit(grid, nearest, farthest, potential, centers[j])
        progress[DONE] += 1


@inline
def _draw(grid: Grid, nearest: Floats, potential: Floats, uniform: float) -> int:
    """The point at the share `uniform` of all weight x `nearest`; never one whose product is 0."""
    target = uniform * np.sum(potential)
    block = 0
    before = 0.0
    for other in range(len(potential)):
        if potential[other] > 0:
            block = other
            if before + potential[other] > target:
                break
            before += potential[other]
    begin, end = grid.begin[grid.block_begin[block]], grid.begin[grid.block_begin[block + 1]]
    point = begin
    for i in range(begin, end):
        mass = grid.weights[i] * nearest[i]
        if mass > 0:
            point = i
            before += mass
            if before > target:
                break
    return int(point)


@inline
def _gain(grid: Grid, nearest: Floats, farthest: Floats, point: int) -> float:
    """By how much a centre at that point would lower the sum of weight x `nearest`."""
    coords, weights = grid.coords, grid.weights
    center_x, center_y, center_z = coords[point, 0], coords[point, 1], coords[point, 2]
    gain = 0.0
    for block in range(len(farthest)):
        limit = farthest[block]
        if _box_distance(grid.block_low, grid.block_high, block, center_x, center_y, center_z) >= limit:
            continue
        for cell in range(grid.block_begin[block], grid.block_begin[block + 1]):
            if _box_distance(grid.low, grid.high, cell, center_x, center_y, center_z) >= limit:
                continue
            for i in range(grid.begin[cell], grid.begin[cell + 1]):
                x, y, z = coords[i, 0] - center_x, coords[i, 1] - center_y, coords[i, 2] - center_z
                distance = x * x + y * y + z * z
                if distance < nearest[i]:
                    gain += weights[i] * (nearest[i] - distance)
    return gain


@kernel
def _admit(grid: Grid, nearest: Floats, farthest: Floats, potential: Floats, center: Floats) -> None:
    """Bring `nearest`, `farthest` and `potential` up to date after a new `center` f64[3]."""
    coords, weights = grid.coords, grid.weights
    center_x, center_y, center_z = center[0], center[1], center[2]
    for block in range(len(farthest)):
        limit = farthest[block]
        if _box_distance(grid.block_low, grid.block_high, block, center_x, center_y, center_z) >= limit:
            continue
        most = 0.0
        total = 0.0
        for i in range(grid.begin[grid.block_begin[block]], grid.begin[grid.block_begin[block + 1]]):
            x, y, z = coords[i, 0] - center_x, coords[i, 1] - center_y, coords[i, 2] - center_z
            nearest[i] = min(nearest[i], x * x + y * y + z * z)
            most = max(most, nearest[i])
            total += weights[i] * nearest[i]
        farthest[block] = most
        potential[block] = total


@inline
def _box_distance(lows: Floats, highs: Floats, box: int, x: float, y: float, z: float) -> float:
    """Squared distance from the place (x, y, z) to a box; 0 inside."""
    x = max(lows[box, 0] - x, x - highs[box, 0], 0.0)
    y = max(lows[box, 1] - y, y - highs[box, 1], 0.0)
    z = max(lows[box, 2] - z, z - highs[box, 2], 0.0)
    return x * x + y * y + z * z
