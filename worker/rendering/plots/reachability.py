"""OPTICS' reachability plot: valleys are clusters."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shared.contract.results import NOISE_LABEL
from worker.clustering.optics.details import ReachabilityPlot
from worker.rendering.plots import style

BINS = 3_000  # of three values each: see plots.MOST_VALUES


def data(plot: ReachabilityPlot, labels: NDArray[np.int32], space: str) -> dict[str, Any]:
    """The plot of all pixels in at most BINS bins. `labels` i32[U] by point.

    `first` is the place of a bin's first pixel in the ordering, `reachability` the largest of its pixels (null where
    a pixel is reached from none), so that no peak between two valleys is lost; `label` is that of most of its pixels.
    """
    starts = plot.starts
    pixels = int(starts[-1])
    edges = np.unique(np.linspace(0, pixels, min(pixels, BINS) + 1).astype(np.int64))
    runs = np.searchsorted(starts, edges, side="right") - 1
    first, reachability, label = edges[:-1].tolist(), [], []
    for bin_number, begin in enumerate(edges[:-1]):
        end = edges[bin_number + 1]
        low, high = runs[bin_number], np.searchsorted(starts, end, side="left")
        inside = slice(low, high)
        # A run that began before the bin shows its copies in it, any other its first pixel too.
        values = np.where(starts[:-1][inside] < begin, plot.copies[inside], plot.first[inside])
        counts = np.minimum(starts[1:][inside], end) - np.maximum(starts[:-1][inside], begin)
        reachability.append(_number(float(values.max())))
        label.append(_most(labels[plot.point[inside]], counts))
    return {"pixels": pixels, "space": space, "first": first, "reachability": reachability, "label": label}


def _number(value: float) -> float | None:
    return round(value, 6) if np.isfinite(value) else None


def _most(labels: NDArray[np.int32], counts: NDArray[np.int64]) -> int:
    return int(np.argmax(np.bincount(labels - NOISE_LABEL, counts))) + NOISE_LABEL


def draw(found: Mapping[str, Any], palette: Sequence[str]) -> bytes:
    """A PNG of `data`'s values, each valley in its cluster's colour of `palette` (hex)."""
    sheet = style.figure()
    clusters = len({label for label in found["label"] if label >= 0})
    noun = "valley is a cluster" if clusters == 1 else "valleys are clusters"
    axes = style.axes(sheet, f"{clusters} {noun}", "pixels in OPTICS' order", f"reachability ({found['space']} units)")
    edges = np.array([*found["first"], found["pixels"]], np.float64)
    known = [value for value in found["reachability"] if value is not None]
    top = 1.05 * max(known, default=1.0) or 1.0
    heights = np.array([top if value is None else value for value in found["reachability"]])
    labels = np.array(found["label"])
    for label in np.unique(labels):
        shown = np.where(labels == label, heights, 0.0)
        color = style.NOISE if label == NOISE_LABEL else palette[label]
        axes.stairs(shown, edges, fill=True, color=color, linewidth=0)
    # The outline keeps valleys of light colours to be seen.
    axes.stairs(heights, edges, color=style.QUIET, linewidth=0.5)
    axes.set_xlim(0, found["pixels"])
    axes.set_ylim(0, top)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    return style.png(sheet)
