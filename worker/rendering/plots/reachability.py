"""OPTICS' reachability plot: valleys are clusters."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shared.contract.results import NOISE_LABEL
from worker.clustering.optics.details import ReachabilityPlot
from worker.rendering.plots import in_pixels, style

BINS = 3_000  # of three values each: see plots.MOST_VALUES
# The strip below the plot, in its height: it shows clusters that lie at 0 too.
STRIP = (-0.05, -0.015)


def data(plot: ReachabilityPlot, labels: NDArray[np.int32], space: str, units: int = 1) -> dict[str, Any]:
    """The plot of all pixels in at most BINS bins. `labels` i32[U] by point; `units` as in `Points`.

    `first` is the place of a bin's first pixel in the ordering, `reachability` the largest of its pixels (null where
    a pixel is reached from none), so that no peak between two valleys is lost; `label` is that of most of its pixels,
    of equally many the lowest.
    """
    starts = plot.starts
    pixels = int(starts[-1])
    edges = np.unique(np.linspace(0, pixels, min(pixels, BINS) + 1).astype(np.int64))
    # Pieces are cut where a run or a bin begins. One that begins with its run shows the run's first pixel, any other
    # only copies, which are never reached later.
    begin = np.union1d(edges[:-1], starts[:-1])
    run = np.searchsorted(starts, begin, side="right") - 1
    heights = np.where(begin == starts[run], plot.first[run], plot.copies[run])
    lengths = np.diff(begin, append=pixels)
    reachability = np.maximum.reduceat(heights, np.searchsorted(begin, edges[:-1]))
    owner = np.searchsorted(edges, begin, side="right") - 1
    return {
        "pixels": in_pixels(pixels, units),
        "space": space,
        "first": [in_pixels(edge, units) for edge in edges[:-1].tolist()],
        "reachability": [round(value, 6) if np.isfinite(value) else None for value in reachability.tolist()],
        "label": _most(owner, labels[plot.point[run]], lengths).tolist(),
    }


def _most(owner: NDArray[np.int64], labels: NDArray[np.int32], lengths: NDArray[np.int64]) -> NDArray[np.int32]:
    """For each owner 0, 1, 2 ... the label that has most of its lengths, of equal ones the lowest."""
    pairs, inverse = np.unique(np.stack([owner, labels], axis=1), axis=0, return_inverse=True)
    sums = np.bincount(inverse, lengths)
    order = np.lexsort((pairs[:, 1], -sums, pairs[:, 0]))
    _, best = np.unique(pairs[order, 0], return_index=True)
    most: NDArray[np.int32] = pairs[order[best], 1].astype(np.int32)
    return most


def draw(found: Mapping[str, Any], palette: Sequence[str]) -> bytes:
    """A PNG of `data`'s values, each valley in its cluster's colour of `palette` (hex)."""
    sheet = style.figure()
    axes = style.axes(
        sheet, _title(found["label"]), "pixels in OPTICS' order", f"reachability ({found['space']} units)"
    )
    edges = np.array([*found["first"], found["pixels"]], np.float64)
    top = 1.05 * max((value for value in found["reachability"] if value is not None), default=1.0) or 1.0
    heights = np.array([top if value is None else value for value in found["reachability"]])
    labels = np.array(found["label"])
    cuts = [0, *(np.flatnonzero(np.diff(labels)) + 1).tolist(), len(labels)]
    colors = [style.NOISE if labels[cut] == NOISE_LABEL else palette[labels[cut]] for cut in cuts[:-1]]
    style.fill(axes, [_steps(edges[a : b + 1], heights[a:b]) for a, b in pairwise(cuts)], colors)
    style.fill(
        axes, [_steps(edges[[a, b]], np.array([STRIP[1] * top]), STRIP[0] * top) for a, b in pairwise(cuts)], colors
    )
    # The outline keeps valleys of light colours to be seen.
    axes.stairs(heights, edges, color=style.QUIET, linewidth=0.5)
    axes.stairs([STRIP[1] * top], edges[[0, -1]], baseline=STRIP[0] * top, color=style.QUIET, linewidth=0.5)
    axes.set_xlim(0, found["pixels"])
    axes.set_ylim(STRIP[0] * top, top)
    style.counts(axes.xaxis)
    return style.png(sheet)


def _title(labels: Sequence[int]) -> str:
    clusters = len(set(labels) - {NOISE_LABEL})
    if clusters == 0:
        return "No valley is a cluster"
    return "1 valley is a cluster" if clusters == 1 else f"{clusters:,} valleys are clusters"


def _steps(edges: NDArray[np.float64], heights: NDArray[np.float64], bottom: float = 0.0) -> NDArray[np.float64]:
    """The outline f64[2 n + 2, 2] of n bars side by side, between n + 1 edges."""
    x = np.repeat(edges, 2)
    y = np.concatenate([[bottom], np.repeat(heights, 2), [bottom]])
    return np.column_stack([x, y])
