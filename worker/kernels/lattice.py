"""The shortest edges of a Euclidean spanning tree where coordinates are bytes, as they are in RGB.

Squared distances are whole numbers then, and few: all pairs at 1, then all at 2, and so on are joined by looking at the
places around each point in a bitmap of the lattice, two megabytes. That is Kruskal's own order. On photographs most
colours soon hang together in one component; only those outside of it need to look on.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from worker.kernels import DONE, STOP, kernel
from worker.kernels.dendrogram import find

LEVELS = (1, 2, 3, 4, 5, 6, 8, 9)
"""Squared distances of the lattice; 7 is none."""

_ALL_LOOK = 3
"""Up to this squared distance everybody looks around; farther on only where few are left outside, a share of all."""

_FEW = 0.125

_TICK = 4096
"""Points between two looks at whether to stop."""


class Lattice(NamedTuple):
    """Which of the 2^24 places hold one of U points: a place is a key, red first, and a bit of a word."""

    word: NDArray[np.uint64]  # [2^18]
    before: NDArray[np.int64]  # [2^18]: points of all words before
    point: NDArray[np.int64]  # [U]: by key
    steps: NDArray[np.int64]  # [S, 4]: squared length and x, y, z of all steps up to the last level, shortest first


def holds(coords: NDArray[np.float64]) -> bool:
    """Whether all coordinates are bytes."""
    return bool(coords.min() >= 0 and coords.max() <= 255 and (coords == np.rint(coords)).all())


def lay(coords: NDArray[np.float64]) -> Lattice:
    """The lattice of distinct points f64[U, 3] for which it `holds`."""
    side = np.arange(-3, 4)
    steps = np.stack(np.meshgrid(side, side, side, indexing="ij"), axis=-1).reshape(-1, 3)
    lengths = (steps**2).sum(axis=1)
    near = np.flatnonzero((lengths > 0) & (lengths <= LEVELS[-1]))
    near = near[np.argsort(lengths[near], kind="stable")]
    lattice = Lattice(
        np.zeros(1 << 18, np.uint64),
        np.empty(1 << 18, np.int64),
        np.empty(len(coords), np.int64),
        np.column_stack([lengths[near], steps[near]]),
    )
    _occupy(lattice, coords)
    return lattice


@kernel
def _ones(word: np.uint64) -> int:
    """How many bits are set: by pairs, fours, eights, then all eights added up by a multiplication."""
    word -= (word >> np.uint64(1)) & np.uint64(0x5555555555555555)
    word = (word & np.uint64(0x3333333333333333)) + ((word >> np.uint64(2)) & np.uint64(0x3333333333333333))
    word = (word + (word >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return int(np.int64((word * np.uint64(0x0101010101010101)) >> np.uint64(56)))


@kernel
def _at(lattice: Lattice, key: int) -> int:
    """The point at a place that holds one."""
    below = (np.uint64(1) << np.uint64(key & 63)) - np.uint64(1)
    return int(lattice.point[lattice.before[key >> 6] + _ones(lattice.word[key >> 6] & below)])


@kernel
def _occupy(lattice: Lattice, coords: NDArray[np.float64]) -> None:
    """Fill in `word`, `before` and `point`."""
    word, before = lattice.word, lattice.before
    for point in range(len(coords)):
        key = int(coords[point, 0]) << 16 | int(coords[point, 1]) << 8 | int(coords[point, 2])
        word[key >> 6] |= np.uint64(1) << np.uint64(key & 63)
    before[0] = 0
    for i in range(1, len(word)):
        before[i] = before[i - 1] + _ones(word[i - 1])
    for point in range(len(coords)):
        key = int(coords[point, 0]) << 16 | int(coords[point, 1]) << 8 | int(coords[point, 2])
        below = (np.uint64(1) << np.uint64(key & 63)) - np.uint64(1)
        lattice.point[before[key >> 6] + _ones(word[key >> 6] & below)] = point


@kernel
def join(
    lattice: Lattice,
    coords: NDArray[np.float64],
    parent: NDArray[np.int64],
    edges: NDArray[np.int64],
    progress: NDArray[np.int64],
) -> int:
    """Join all pairs of the shortest distances, in their order; how many edges that makes.

    OUT: `parent` i64[U], `edges` i64[U - 1, 2]. All that is as near as the last edge is joined then. Progress counts
    points that looked around for the first time.
    """
    size = len(coords)
    looking = np.arange(size)
    steps = lattice.steps
    count = begin = 0
    while begin < len(steps) and len(looking):
        level = steps[begin, 0]
        if level > _ALL_LOOK and len(looking) > _FEW * size:
            break
        end = begin
        while end < len(steps) and steps[end, 0] == level:
            end += 1
        for i in range(len(looking)):
            count += _join_around(lattice, coords, steps[begin:end], looking[i], parent, edges[count:])
            if i % _TICK == 0:
                progress[DONE] = max(progress[DONE], i)
                if progress[STOP]:
                    return count
        looking = _outside(looking, parent)
        begin = end
    return count


@kernel
def _join_around(
    lattice: Lattice,
    coords: NDArray[np.float64],
    steps: NDArray[np.int64],
    point: int,
    parent: NDArray[np.int64],
    edges: NDArray[np.int64],
) -> int:
    """Join `point` to those that `steps` lead to; how many edges that makes."""
    count = 0
    red, green, blue = int(coords[point, 0]), int(coords[point, 1]), int(coords[point, 2])
    word = lattice.word
    for i in range(len(steps)):
        x, y, z = red + steps[i, 1], green + steps[i, 2], blue + steps[i, 3]
        if (x | y | z) & ~255:
            continue  # beyond the lattice
        key = x << 16 | y << 8 | z
        if word[key >> 6] >> np.uint64(key & 63) & np.uint64(1):
            other = _at(lattice, key)
            a, b = find(parent, point), find(parent, other)
            if a != b:
                parent[a] = b
                edges[count] = point, other
                count += 1
    return count


@kernel
def _outside(looking: NDArray[np.int64], parent: NDArray[np.int64]) -> NDArray[np.int64]:
    """Those of the points `looking` that are not in the largest component."""
    sizes = np.zeros(len(parent), np.int64)
    for point in range(len(parent)):
        sizes[find(parent, point)] += 1
    largest = np.argmax(sizes)
    count = 0
    left = np.empty_like(looking)
    for point in looking:
        if find(parent, point) != largest:
            left[count] = point
            count += 1
    return left[:count].copy()
