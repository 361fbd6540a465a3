"""The last merges of agglomerative clustering as a tree, with the cut drawn."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from worker.clustering.agglomerative.details import AgglomerativeDetails
from worker.rendering.plots import in_pixels, style
from worker.rendering.words import share_text

LEAVES = 30
MOST_LEAVES = 120
MOST_NUMBERS = 60  # below more leaves there is no room for their shares


def data(
    details: AgglomerativeDetails,
    labels: NDArray[np.int32],
    weights: NDArray[np.int64],
    clusters: int,
    linkage: str,
    units: int = 1,
) -> dict[str, Any]:
    """The tree above its last LEAVES branches, or as many as there are clusters, at most MOST_LEAVES.

    `labels` i32[U] and `weights` i64[U] are those of the points; `units` as in `Points`. `merges` are scipy's linkage
    rows [a, b, height, pixels], in which leaf i < `leaves` is a branch with `sizes[i]` pixels and the cluster
    `label[i]`, null where it holds several. `cut` lies between the heights of the last merge that was made and of the
    next one; null where all were.
    """
    colors = len(details.parts) + 1
    leaves = min(max(LEAVES, min(clusters, MOST_LEAVES)), colors)
    first = colors - leaves  # merges below are not drawn
    pixels = np.concatenate([weights, details.pixels])
    branches = [part for row in details.parts[first:].tolist() for part in row if part < colors + first] or [0]
    number_of = {branch: number for number, branch in enumerate(branches)}
    number_of |= {colors + first + merge: leaves + merge for merge in range(leaves - 1)}
    merges = [
        [number_of[a], number_of[b], height, in_pixels(size, units)]
        for (a, b), height, size in zip(
            details.parts[first:].tolist(), details.heights[first:].tolist(), details.pixels[first:], strict=True
        )
    ]
    whole = clusters <= leaves
    point = _a_point_of_each(details.parts, colors)
    return {
        "leaves": leaves,
        "linkage": linkage,
        "merges": merges,
        "sizes": [in_pixels(pixels[branch], units) for branch in branches],
        "label": [int(labels[point[branch]]) if whole else None for branch in branches],
        "cut": _cut(details.heights, clusters),
        "clusters": clusters,
    }


def _a_point_of_each(parts: NDArray[np.int64], colors: int) -> NDArray[np.int64]:
    """A point that is in each of the clusters 0..2 U - 2."""
    point = np.empty(2 * colors - 1, np.int64)
    point[:colors] = np.arange(colors)
    for number, part in enumerate(parts[:, 0].tolist()):
        point[colors + number] = point[part]
    return point


def _cut(heights: NDArray[np.float64], clusters: int) -> float | None:
    """Where a line parts the tree into `clusters`; null where nothing is above it."""
    made = len(heights) + 1 - clusters
    if made == len(heights):
        return None
    return float((heights[made - 1] if made else 0.0) + heights[made]) / 2


def draw(found: Mapping[str, Any], palette: Sequence[str]) -> bytes:
    """A PNG of `data`'s values; a branch has its cluster's colour of `palette` (hex) below the cut."""
    sheet = style.figure()
    many = found["leaves"] > 1
    below = f"the last {found['leaves']} branches, by their share of the pixels" if many else "the only branch"
    axes = style.axes(sheet, _title(found), below, f"height of the merge ({found['linkage']})")
    _tree(axes, found, palette)
    axes.set_ylim(bottom=0)
    style.thousands(axes.yaxis)
    if found["cut"] is not None:
        axes.axhline(found["cut"], color=style.INK, linewidth=1)
        axes.annotate(
            f"{found['clusters']:,} clusters", (1, found["cut"]), xycoords=("axes fraction", "data"), va="center",
            xytext=(5, 0), textcoords="offset points", color=style.INK, fontsize=style.TEXT,
        )  # fmt: skip
    return style.png(sheet)


def _title(found: Mapping[str, Any]) -> str:
    clusters, leaves = found["clusters"], found["leaves"]
    if clusters == 1:
        return "All branches are one cluster"
    if clusters > leaves:
        return f"{clusters:,} clusters are parts of the last {leaves} branches"
    return f"{clusters} branches below the line are the clusters"


def _tree(axes: Any, found: Mapping[str, Any], palette: Sequence[str]) -> None:
    leaves, total = found["leaves"], sum(found["sizes"])
    ticks = [5 + 10 * place for place in range(leaves)]
    order = _branches(axes, found, palette) if found["merges"] else [0]
    numbers = leaves <= MOST_NUMBERS
    size = 6 if numbers else 4
    for place, leaf in zip(ticks, order, strict=True):
        color = _color(found["label"][leaf], palette)
        axes.plot(place, 0, "s", color=color, markeredgecolor=style.QUIET, markersize=size, clip_on=False, zorder=3)
    axes.set_xticks(
        ticks if numbers else [], [share_text(found["sizes"][leaf] / total) for leaf in order] if numbers else []
    )
    axes.tick_params(axis="x", rotation=90, length=0, pad=6, labelsize=style.TICKS if leaves <= LEAVES else 7)


def _branches(axes: Any, found: Mapping[str, Any], palette: Sequence[str]) -> list[int]:
    """Draw the branches; the leaves from left to right."""
    from scipy.cluster.hierarchy import dendrogram

    labels: list[int | None] = list(found["label"])
    size = [1] * found["leaves"]
    rows = []
    for a, b, height, _ in found["merges"]:
        labels.append(labels[a] if labels[a] == labels[b] else None)
        size.append(size[a] + size[b])
        rows.append([a, b, height, size[-1]])
    tree = dendrogram(np.array(rows, np.float64), no_plot=True, link_color_func=str)
    for x, y, node in zip(tree["icoord"], tree["dcoord"], tree["color_list"], strict=True):
        label = labels[int(node)]
        if label is None:
            axes.plot(x, y, color=style.QUIET, linewidth=1)
        else:
            # Wider grey below keeps light colours to be seen.
            axes.plot(x, y, color=style.QUIET, linewidth=2.6, solid_capstyle="butt")
            axes.plot(x, y, color=palette[label], linewidth=1.8, solid_capstyle="butt")
    leaves: list[int] = tree["leaves"]
    return leaves


def _color(label: int | None, palette: Sequence[str]) -> str:
    return style.NOISE if label is None else palette[label]
