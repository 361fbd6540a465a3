"""Lloyd's iterations on the points of a grid."""

from itertools import pairwise
from time import monotonic
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from worker.clustering.kmeans.grids import FEW
from worker.kernels import grid
from worker.kernels import kmeans as kernels
from worker.progress import POLL_SECONDS, Meter, run_here

Floats = NDArray[np.float64]

# Sums are made in pieces of about this many points, whatever the number of threads, and added in their order.
_PIECE = 1 << 14
# A sweep that takes fewer comparisons than this (about 10 ns each) is over before other threads are of use.
_WORTH_THREADS = 1 << 19
# About so many comparisons a point are to be expected of a first sweep.
_FIRST_COMPARISONS = 8
# So many smaller sweeps are made before anybody is told: less than 0.1 s.
_ITERATIONS_AT_ONCE = 16


class Run(NamedTuple):
    """Where one start ended."""

    labels: NDArray[np.int32]  # [U], in grid order
    mass: Floats  # [k]: what the points of each label weigh
    centers: Floats  # [k, 3]
    inertia: float
    iterations: int
    fixed: int = 0  # so many centres, the first ones, were given and have not moved


class Lloyd:
    """Lloyd's algorithm on the points of a grid, as scikit-learn's `_kmeans_single_lloyd` runs it.

    The first `fixed` of the centres stay where they are, with pixels or without.
    """

    def __init__(self, cells: grid.Grid, clusters: int, first: NDArray[np.int64] | None = None, fixed: int = 0) -> None:
        count, size = len(cells.sums), len(cells.coords)
        self._cells = cells
        self._fixed = fixed
        self._first = cells.order if first is None else first
        self._tiny = 1e-9 * float(max(np.abs(cells.low).max(), np.abs(cells.high).max()))
        self._state = kernels.State(
            labels=np.full(size, kernels.UNLABELLED, np.int32),
            owner=np.full(count, kernels.MIXED, np.int32),
            length=np.zeros(count, np.int32),
            lists=np.empty((count, kernels.LONGEST), np.int32),
            slack=np.zeros(count),
            gap=np.zeros(count),
            block_length=np.zeros(len(cells.block_low), np.int32),
            block_lists=np.empty((len(cells.block_low), clusters), np.int32),
            block_slack=np.zeros(len(cells.block_low)),
        )
        cuts = np.searchsorted(cells.begin[cells.block_begin], np.arange(0, size, _PIECE))
        ends = [*np.unique(cuts).tolist(), len(cells.block_begin) - 1]
        self._pieces = list(pairwise(ends))
        self._work = _FIRST_COMPARISONS * size

    def run(self, centers: Floats, tol: float, max_iter: int, meter: Meter) -> Run:
        tolerance = tol * _mean_variance(self._cells)
        centers = centers.copy()
        totals = np.zeros((len(centers), 4))
        moves = np.zeros(len(centers))
        due = 0.0
        iteration = 0
        changed, movement = 1, np.inf
        while changed and movement > tolerance and iteration < max_iter:
            if self._work >= _WORTH_THREADS and meter.threads > 1:
                # Nobody knows how many iterations are to come: 20 of them are taken for half of the way.
                part = meter.within(iteration / (iteration + 20), (iteration + 1) / (iteration + 21))
                changed = self._sweep(centers, moves, totals, part)
                movement = kernels.advance(self._means(totals, centers), centers, moves)
                iteration += 1
            else:
                most = min(_ITERATIONS_AT_ONCE, max_iter - iteration)
                made, changed, movement = self._iterate(centers, moves, totals, tolerance, most)
                iteration += made
            if monotonic() >= due:
                meter.tell(iteration / (iteration + 20))
                due = monotonic() + POLL_SECONDS
        low = iteration / (iteration + 20)
        if changed:
            self._sweep(centers, moves, totals, meter.within(low, (1 + low) / 2))
        _, inertia = self._settle(centers, meter.within((1 + low) / 2, 1.0))
        return Run(self._state.labels, totals[:, 3], centers, inertia, iteration, self._fixed)

    def assign(self, centers: Floats, meter: Meter) -> NDArray[np.int32]:
        """The nearest centre of each point, in grid order, the lowest of equals."""
        self._sweep(centers, np.zeros(len(centers)), np.zeros((len(centers), 4)), meter)
        run_here(kernels.fill, [(*piece, self._cells, self._state) for piece in self._pieces])
        return self._state.labels

    def _iterate(
        self, centers: Floats, moves: Floats, totals: Floats, tolerance: float, most: int
    ) -> tuple[int, int, float]:
        """Up to `most` iterations on this thread: how many, the last one's changed labels and squared movement."""
        pieces = np.array(self._pieces)
        arguments = (pieces, self._cells, centers, moves, totals, self._tiny, self._state, tolerance, most)
        made, changed, movement, self._work = kernels.iterate(*arguments, _WORTH_THREADS, self._fixed)
        if movement < 0:  # a cluster that may move is empty
            movement = kernels.advance(self._means(totals, centers), centers, moves)
        return made, changed, movement

    def _sweep(self, centers: Floats, moves: Floats, totals: Floats, meter: Meter) -> int:
        """One assignment step; `totals` [k, 4] gains what the sums and weights gain. Returns the changed labels."""
        changes = np.zeros((len(self._pieces), len(centers), 4))
        calls = [
            (*piece, self._cells, centers, moves, self._tiny, self._state, change)
            for piece, change in zip(self._pieces, changes, strict=True)
        ]
        if meter.threads > 1 and self._work >= _WORTH_THREADS:
            done = meter.run_all(kernels.sweep, calls, len(self._cells.coords))
        else:
            done = run_here(kernels.sweep, calls)
        totals += changes.sum(axis=0)
        self._work = sum(work for _, work in done)
        return sum(changed for changed, _ in done)

    def _means(self, totals: Floats, centers: Floats) -> Floats:
        sums, mass = totals[:, :3].copy(), totals[:, 3].copy()
        empty = self._fixed + np.flatnonzero(mass[self._fixed :] == 0)
        if len(empty):
            self._relocate(centers, empty, mass, sums)
        sums[mass > 0] /= mass[mass > 0, None]
        sums[mass == 0] = sums[np.argmax(mass)]
        sums[: self._fixed] = centers[: self._fixed]
        return sums

    def _relocate(self, centers: Floats, empty: NDArray[np.intp], mass: Floats, sums: Floats) -> None:
        """Give each empty cluster one of the pixels that are farthest from their centres, in falling distance."""
        cells, labels = self._cells, self._state.labels
        distance, _ = self._settle(centers, Meter(threads=1))
        if distance.max() == 0:
            return
        rank = max(0, len(distance) - len(empty))
        far = np.flatnonzero(distance >= np.partition(distance, rank)[rank])
        far = far[np.lexsort((self._first[cells.order[far]], -distance[far]))]
        copies = np.minimum(cells.weights[far], len(empty)).astype(np.int64)
        for cluster, pixel in zip(empty, np.repeat(far, copies)[: len(empty)], strict=True):
            donor = labels[pixel]
            sums[donor] -= cells.coords[pixel]
            mass[donor] -= 1
            sums[cluster] = cells.coords[pixel]
            mass[cluster] = 1

    def _settle(self, centers: Floats, meter: Meter) -> tuple[Floats, float]:
        """Each point's squared distance to its label's centre, in grid order, and the inertia. Makes labels valid."""
        out = np.empty(len(self._cells.coords))
        calls = [(*piece, self._cells, self._state, centers, out) for piece in self._pieces]
        inertias = run_here(kernels.settle, calls) if len(out) < FEW else meter.run_all(kernels.settle, calls, len(out))
        return out, sum(inertias)


def _mean_variance(cells: grid.Grid) -> float:
    """Variance of the pixels, averaged over the three axes."""
    mass = cells.sums[:, 3]
    mean = cells.sums[:, :3].sum(axis=0) / mass.sum()
    between = (mass[:, None] * (cells.sums[:, :3] / mass[:, None] - mean) ** 2).sum()
    return float((between + cells.spread.sum()) / mass.sum() / 3)
