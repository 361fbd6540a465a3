"""Points in the cells of grids: the colours, and the means of cells in coarser ones."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from worker.color.points import Points
from worker.kernels import grid
from worker.progress import Meter

Floats = NDArray[np.float64]

# Below this many points another thread costs more than it saves: to build a grid, to measure distances.
FEW = 1 << 17
# Cells along the longest axis: of the grid over the colours, and of the coarser ones over the cells' means.
_SIDES = (64, 32, 16, 8)
# A grid of more cells a point, nearly all of them empty or of one point, costs more than it spares.
_CELLS_A_POINT = 16


def grid_levels(points: Points, meter: Meter) -> list[grid.Grid]:
    """The points in grids: the colours, then each time the means of the cells of the grid before."""
    first, *coarser = sides(len(points))
    with meter.part(0.0, 0.9) as part:
        levels = [grid_over(points.coords, points.weights, first, part)]
    for number, side in enumerate(coarser):
        finer = levels[-1]
        mass = finer.sums[:, 3]
        means = _read_only(finer.sums[:, :3] / mass[:, None])
        with meter.part(0.9 + number / 30, 0.9 + (number + 1) / 30) as part:
            levels.append(grid_over(means, _read_only(mass.astype(np.int64)), side, part))
    return levels


def sides(size: int) -> tuple[int, ...]:
    """Which of the grids are made for so many points: the coarsest one, and those that are not too fine for them."""
    return tuple(side for side in _SIDES if side == _SIDES[-1] or side**3 <= _CELLS_A_POINT * size)


def grid_over(coords: Floats, weights: NDArray[np.int64], side: int, meter: Meter) -> grid.Grid:
    """`side` cells along the longest axis over read-only `coords` and `weights`."""
    size = len(coords)
    made: grid.Grid
    if size < FEW:
        progress = np.zeros(2, np.int64)
        keys, first, cells = grid.find_cells(coords, side, progress)
        made = grid.put_in_order(coords, weights, keys, first, cells, progress)
        grid.measure(0, len(made.block_low), made, progress)
        meter.tell(1.0)
        return made
    with meter.part(0.0, 0.3) as part:
        keys, first, cells = part.run(grid.find_cells, coords, side, work=2 * size)
    with meter.part(0.3, 0.8) as part:
        made = part.run(grid.put_in_order, coords, weights, keys, first, cells, work=size)
    with meter.part(0.8, 1.0) as part:
        part.run_ranges(grid.measure, len(made.block_low), made)
    return made


def _read_only(array: NDArray[Any]) -> NDArray[Any]:
    """As the arrays of Points are, so that a kernel is compiled once."""
    array.flags.writeable = False
    return array
