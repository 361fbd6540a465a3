"""Lloyd's iterations over a grid of weighted points.

Every block and every cell of the grid keeps the list of centres that can be nearest to any place in its box: the
cell's is taken from the block's. A list stays right until the centres have moved by as much as the others were farther
away (Hamerly 2010 has such bounds for each point, Kanungo et al. 2002 such lists for the nodes of a tree). So an
iteration compares each colour with a few centres, and does not look into blocks whose listed centres stand still. The
labels are those of comparing all with all.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from worker.kernels import DONE, STOP, inline, kernel
from worker.kernels.grid import Grid

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

LONGEST = 24  # centres on a cell's short list; longer lists are not kept but made anew in every sweep
TOO_LONG = -1
MIXED = -1
UNLABELLED = -1
# A list lasts for about this many moves as large as the last one: short lists against seldom making them.
LASTING = 3.0
BLOCK_LASTING = 8.0


class State(NamedTuple):
    """What Lloyd's iterations remember of C cells and their U points."""

    labels: NDArray[np.int32]  # [U]: centre of each point, in grid order; valid in MIXED cells
    owner: NDArray[np.int32]  # [C]: the label of all points of the cell, or MIXED
    length: NDArray[np.int32]  # [C]: of the short list, or TOO_LONG
    lists: NDArray[np.int32]  # [C, LONGEST]: ascending; centres that can be nearest within the cell's box
    slack: Floats  # [C]: how much farther than the nearest all other centres are, from any place of the box
    gap: Floats  # [C]: how much farther the second nearest centre is, at least, for any point of the cell
    block_length: NDArray[np.int32]  # [B]: of the block's list
    block_lists: NDArray[np.int32]  # [B, k]: ascending; centres that can be nearest within the block's box
    block_slack: Floats  # [B]: how much farther than the nearest all other centres are, from any place of the box


@kernel
def sweep(
    begin: int,
    end: int,
    grid: Grid,
    centers: Floats,
    moves: Floats,
    tiny: float,
    state: State,
    change: Floats,
    progress: Ints,
) -> tuple[int, int]:
    """Give each point of the blocks begin..end-1 the label of its nearest centre, the lowest of equals.

    `centers` f64[k, 3]; `moves` f64[k]: how far each has moved since the last sweep; differences of distances up to
    `tiny` are taken for rounding errors. `state` is brought up to date, and to `change` f64[k, 4] (OUT) is added
    what the centres' coordinate sums and weights gain. Returns the points whose label changed, and the comparisons.
    """
    everyone = np.arange(len(centers)).astype(np.int32)
    nearby = np.empty(len(centers), np.int32)
    moved = np.max(moves)
    changed = work = 0
    for block in range(begin, end):
        if progress[STOP]:
            break
        progress[DONE] += grid.begin[grid.block_begin[block + 1]] - grid.begin[grid.block_begin[block]]
        around = state.block_lists[block]
        largest = _largest_move(moves, state.block_lists, block, state.block_length[block])
        state.block_slack[block] -= moved + largest
        anew = state.block_slack[block] <= tiny
        if anew:
            lasting = tiny + BLOCK_LASTING * moved
            state.block_length[block], state.block_slack[block] = _shortlist(
                grid.block_low, grid.block_high, block, centers, everyone, len(centers), lasting, around
            )
            work += len(centers)
        elif largest == 0:
            work += 1
            continue
        few = state.block_length[block]
        margin = tiny + LASTING * largest
        for cell in range(grid.block_begin[block], grid.block_begin[block + 1]):
            local = _largest_move(moves, state.lists, cell, state.length[cell])
            state.slack[cell] -= largest + local
            state.gap[cell] -= 2 * local
            if state.slack[cell] > tiny and not anew:
                if state.length[cell] == 1 or state.gap[cell] > tiny:
                    continue
                count = _copied(state.lists, cell, state.length[cell], nearby)
            else:
                count, slack = _shortlist(grid.low, grid.high, cell, centers, around, few, margin, nearby)
                work += few
                _keep(cell, nearby, count, slack, state)
            if count == 1:
                changed += _give_all(cell, nearby[0], grid, state, change)
            else:
                changed += _compare(cell, grid, centers, nearby, count, state, change)
                work += count * (grid.begin[cell + 1] - grid.begin[cell])
        work += grid.block_begin[block + 1] - grid.block_begin[block]
    return changed, work


@inline
def _copied(lists: NDArray[np.int32], row: int, count: int, out: NDArray[np.int32]) -> int:
    """Copy the first `count` centres on one of the lists to `out` (OUT); the count."""
    for at in range(count):
        out[at] = lists[row, at]
    return count


@inline
def _largest_move(moves: Floats, lists: NDArray[np.int32], row: int, count: int) -> float:
    """Of the first `count` centres on one of the lists."""
    largest = 0.0
    for at in range(count):
        largest = max(largest, moves[lists[row, at]])
    return largest


@inline
def _shortlist(
    lows: Floats,
    highs: Floats,
    box: int,
    centers: Floats,
    among: NDArray[np.int32],
    count: int,
    margin: float,
    out: NDArray[np.int32],
) -> tuple[int, float]:
    """List in `out` (OUT) the centres that are not farther by `margin` than another from all places of a box.

    Of the centres among[:count], let a be the nearest to the middle of the box. Centre z is farther than a from
    every place x of the box if |x - z|^2 - |x - a|^2, which is linear in x, is positive at the corner towards z,
    where it is the `lead`. Then |x - z| - |x - a| is at least sqrt(reach^2 + lead) - reach, where reach is the
    largest |x - a|. Returns the list's length, and by how much the centres left out are farther at least.
    """
    low_x, low_y, low_z = lows[box, 0], lows[box, 1], lows[box, 2]
    high_x, high_y, high_z = highs[box, 0], highs[box, 1], highs[box, 2]
    nearest = np.inf
    guide = 0
    for at in range(count):
        j = among[at]
        x = 2 * centers[j, 0] - low_x - high_x
        y = 2 * centers[j, 1] - low_y - high_y
        z = 2 * centers[j, 2] - low_z - high_z
        distance = x * x + y * y + z * z
        if distance < nearest:
            nearest = distance
            guide = j
    guide_x, guide_y, guide_z = centers[guide, 0], centers[guide, 1], centers[guide, 2]
    x = max(guide_x - low_x, high_x - guide_x)
    y = max(guide_y - low_y, high_y - guide_y)
    z = max(guide_z - low_z, high_z - guide_z)
    reach = x * x + y * y + z * z
    enough = margin * (margin + 2 * np.sqrt(reach))
    least = np.inf
    length = 0
    for at in range(count):
        j = among[at]
        x, y, z = centers[j, 0], centers[j, 1], centers[j, 2]
        lead = (x - guide_x) * (x + guide_x - 2 * (high_x if x > guide_x else low_x))
        lead += (y - guide_y) * (y + guide_y - 2 * (high_y if y > guide_y else low_y))
        lead += (z - guide_z) * (z + guide_z - 2 * (high_z if z > guide_z else low_z))
        far = lead > enough
        least = lead if far and lead < least else least
        out[length] = j  # overwritten by the next one, if far
        length += not far
    return length, np.sqrt(reach + least) - np.sqrt(reach)


@inline
def _keep(cell: int, nearby: NDArray[np.int32], count: int, slack: float, state: State) -> None:
    """Remember a cell's list, if it is short enough."""
    if count > LONGEST:
        state.length[cell] = TOO_LONG
        state.slack[cell] = 0.0
        return
    for at in range(count):
        state.lists[cell, at] = nearby[at]
    state.length[cell] = count
    state.slack[cell] = slack


@inline
def _give_all(cell: int, label: int, grid: Grid, state: State, change: Floats) -> int:
    """Give all points of the cell one label, booking them over at once; returns how many had another."""
    owner = state.owner[cell]
    if owner == label:
        return 0
    state.owner[cell] = label
    begin, end = grid.begin[cell], grid.begin[cell + 1]
    changed = int(end - begin)
    for part in range(4):
        change[label, part] += grid.sums[cell, part]
        if owner != MIXED:
            change[owner, part] -= grid.sums[cell, part]
    if owner != MIXED:
        return changed
    if state.labels[begin] != UNLABELLED:
        for i in range(begin, end):
            changed -= int(state.labels[i] == label)
            _book(i, state.labels[i], -grid.weights[i], grid, change)
    return changed


@inline
def _compare(
    cell: int,
    grid: Grid,
    centers: Floats,
    nearby: NDArray[np.int32],
    count: int,
    state: State,
    change: Floats,
) -> int:
    """Label each point of the cell by comparing it with nearby[:count]; returns how many labels changed."""
    coords, labels = grid.coords, state.labels
    owner = state.owner[cell]
    changed = 0
    closest_call = np.inf
    farthest = 0.0
    for i in range(grid.begin[cell], grid.begin[cell + 1]):
        best = second = np.inf
        label = 0
        for at in range(count):
            j = nearby[at]
            x = coords[i, 0] - centers[j, 0]
            y = coords[i, 1] - centers[j, 1]
            z = coords[i, 2] - centers[j, 2]
            distance = x * x + y * y + z * z
            # Selections, as nobody could foretell the branches.
            loser = best if distance < best else distance
            second = loser if loser < second else second
            label = j if distance < best else label
            best = distance if distance < best else best
        closest_call = min(closest_call, second - best)
        farthest = max(farthest, second)
        before = labels[i] if owner == MIXED else owner
        labels[i] = label
        if label != before:
            changed += 1
            _book(i, label, grid.weights[i], grid, change)
            if before != UNLABELLED:
                _book(i, before, -grid.weights[i], grid, change)
    # sqrt(second) - sqrt(best) = (second - best) / (sqrt(second) + sqrt(best)), from below for the whole cell.
    state.gap[cell] = closest_call / (2 * np.sqrt(farthest)) if farthest > 0 else 0.0
    state.owner[cell] = MIXED
    return changed


@inline
def _book(i: int, label: int, weight: float, grid: Grid, change: Floats) -> None:
    """Add point i with `weight` to what the centre gains."""
    for axis in range(3):
        change[label, axis] += weight * grid.coords[i, axis]
    change[label, 3] += weight


@kernel
def iterate(
    pieces: Ints,
    grid: Grid,
    centers: Floats,
    moves: Floats,
    totals: Floats,
    tiny: float,
    state: State,
    tolerance: float,
    most: int,
    enough: int,
    fixed: int,
) -> tuple[int, int, float, int]:
    """Up to `most` iterations on one thread: `sweep` the pieces, then move the centres to the means of their points.

    The first `fixed` centres do not move, and may be empty.

    It ends early when no label changes or the centres' squared movement is at most `tolerance`, when a sweep takes
    `enough` comparisons, or with an empty cluster, before centres are moved: the movement is -1 then. OUT: `centers`
    f64[k, 3], `moves` f64[k] and `totals` f64[k, 4], the coordinate sums and weights. `pieces` i64[P, 2] are ranges
    of blocks: sums are added in their order. Returns the iterations, and of the last one the changed labels, the
    squared movement and the comparisons.
    """
    change = np.empty((len(centers), 4))
    gained = np.empty((len(centers), 4))
    moved = np.empty((len(centers), 3))
    progress = np.zeros(2, np.int64)
    changed = work = 0
    movement = -1.0
    for iteration in range(most):
        gained[:] = 0.0
        changed = work = 0
        for piece in range(len(pieces)):
            change[:] = 0.0
            begin, end = pieces[piece, 0], pieces[piece, 1]
            found, took = sweep(begin, end, grid, centers, moves, tiny, state, change, progress)
            changed += found
            work += took
            gained += change
        totals += gained
        for j in range(len(centers)):
            if j >= fixed and totals[j, 3] == 0:
                return iteration + 1, changed, -1.0, work
            for axis in range(3):
                moved[j, axis] = centers[j, axis] if j < fixed else totals[j, axis] / totals[j, 3]
        movement = advance(moved, centers, moves)
        if changed == 0 or movement <= tolerance or work >= enough:
            return iteration + 1, changed, movement, work
    return most, changed, movement, work


@kernel
def advance(moved: Floats, centers: Floats, moves: Floats) -> float:
    """Put the `centers` f64[k, 3] (OUT) where they have `moved` to, each by moves[j] (OUT); the sum of the squares."""
    movement = 0.0
    for j in range(len(centers)):
        square = 0.0
        for axis in range(3):
            square += (moved[j, axis] - centers[j, axis]) ** 2
            centers[j, axis] = moved[j, axis]
        moves[j] = np.sqrt(square)
        movement += square
    return movement


@kernel
def fill(begin: int, end: int, grid: Grid, state: State, progress: Ints) -> None:
    """Make `state.labels` valid for all points of the blocks begin..end-1."""
    for block in range(begin, end):
        if progress[STOP]:
            break
        for cell in range(grid.block_begin[block], grid.block_begin[block + 1]):
            if state.owner[cell] != MIXED:
                for i in range(grid.begin[cell], grid.begin[cell + 1]):
                    state.labels[i] = state.owner[cell]
        progress[DONE] += grid.begin[grid.block_begin[block + 1]] - grid.begin[grid.block_begin[block]]


@kernel
def settle(
    begin: int,
    end: int,
    grid: Grid,
    state: State,
    centers: Floats,
    out: Floats,
    progress: Ints,
) -> float:
    """Make `state.labels` valid for all points of the blocks begin..end-1; the inertia of these points.

    OUT: `out` f64[U], in grid order: the squared distance of each of them to its label's centre.
    """
    labels = state.labels
    inertia = 0.0
    for block in range(begin, end):
        if progress[STOP]:
            break
        for cell in range(grid.block_begin[block], grid.block_begin[block + 1]):
            first, last = grid.begin[cell], grid.begin[cell + 1]
            if state.owner[cell] != MIXED:
                labels[first:last] = state.owner[cell]
            for i in range(first, last):
                x = grid.coords[i, 0] - centers[labels[i], 0]
                y = grid.coords[i, 1] - centers[labels[i], 1]
                z = grid.coords[i, 2] - centers[labels[i], 2]
                out[i] = x * x + y * y + z * z
                inertia += grid.weights[i] * out[i]
        progress[DONE] += grid.begin[grid.block_begin[block + 1]] - grid.begin[grid.block_begin[block]]
    return inertia
