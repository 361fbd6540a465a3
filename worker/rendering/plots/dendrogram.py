"""The last merges of agglomerative clustering as a tree, with the cut drawn."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from worker.clustering.agglomerative.details import AgglomerativeDetails
from worker.rendering.plots import style

LEAVES = 30
MOST_LEAVES = 120


def data(
    details: AgglomerativeDetails, labels: NDArray[np.int32], weights: NDArray[np.int64], clusters: int, linkage: str
) -> dict[str, Any]:
    """The tree above its last LEAVES branches, or as many as there are clusters, at most MOST_LEAVES.

    `merges` are scipy's linkage rows [a, b, height, pixels], in which leaf i < `leaves` is a branch with `sizes[i]`
    pixels and the label `label[i]`; `cut` lies between the heights of the last merge that was made and the next one.
    """
    colors = len(details.parts) + 1
    leaves = min(max(LEAVES, min(clusters, MOST_LEAVES)), colors)
    first = colors - leaves  # merges below are not drawn
    names: dict[int, int] = {}
    merges: list[list[float]] = []
    sizes: list[int] = []
    label: list[int] = []
    point_of = _a_point_of_each(details.parts, colors)
    for number in range(first, len(details.parts)):
        row = []
        for part in details.parts[number].tolist():
            if part < colors + first and part not in names:
                names[part] = len(sizes)
                sizes.append(int(weights[part] if part < colors else details.pixels[part - colors]))
                label.append(int(labels[point_of[part]]))
            row.append(names[part] if part in names else leaves + part - colors - first)
        merges.append([*row, float(details.heights[number]), int(details.pixels[number])])
    if not sizes:
        sizes, label = [int(weights.sum())], [0]
    return {
        "leaves": leaves,
        "linkage": linkage,
        "merges": merges,
        "sizes": sizes,
        "label": label,
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
    """Where a line parts the tree into `clusters`; null where nothing is above or below it."""
    next_one = len(heights) - clusters + 1
    if not 0 < next_one < len(heights):
        return float(heights[-1]) / 2 if next_one == 0 and len(heights) else None
    return float(heights[next_one - 1] + heights[next_one]) / 2


def draw(found: Mapping[str, Any], palette: Sequence[str]) -> bytes:
    """A PNG of `data`'s values; a branch has its cluster's colour of `palette` (hex) below the cut."""
    sheet = style.figure()
    clusters = found["clusters"]
    noun = "branch is the one cluster" if clusters == 1 else "branches below the line are the clusters"
    below = f"the last {found['leaves']} branches, by their pixels"
    axes = style.axes(sheet, f"{clusters} {noun}", below, f"height of the merge ({found['linkage']})")
    if found["merges"]:
        _tree(axes, found, palette)
    axes.set_ylim(bottom=0)
    if found["cut"] is not None:
        axes.axhline(found["cut"], color=style.INK, linewidth=1)
        axes.annotate(
            f"{clusters} clusters", (1, found["cut"]), xycoords=("axes fraction", "data"), ha="right", va="bottom",
            color=style.INK, fontsize=10,
        )  # fmt: skip
    return style.png(sheet)


def _tree(axes: Any, found: Mapping[str, Any], palette: Sequence[str]) -> None:
    from scipy.cluster.hierarchy import dendrogram

    leaves, labels = found["leaves"], list(found["label"])
    branches = [1] * leaves
    rows = []
    for a, b, height, _ in found["merges"]:
        labels.append(labels[a] if labels[a] == labels[b] else -1)
        branches.append(branches[a] + branches[b])
        rows.append([a, b, height, branches[-1]])
    tree = dendrogram(
        np.array(rows, np.float64),
        no_plot=True,
        link_color_func=lambda node: str(labels[node]),
    )
    for x, y, label in zip(tree["icoord"], tree["dcoord"], tree["color_list"], strict=True):
        color = style.QUIET if label == "-1" else palette[int(label)]
        axes.plot(x, y, color=style.QUIET, linewidth=2.6, solid_capstyle="butt")
        axes.plot(x, y, color=color, linewidth=1.8, solid_capstyle="butt")
    total = sum(found["sizes"])
    ticks = [5 + 10 * place for place in range(leaves)]
    axes.set_xticks(ticks, [f"{100 * found['sizes'][leaf] / total:.1f} %" for leaf in tree["leaves"]], rotation=90)
    for place, leaf in zip(ticks, tree["leaves"], strict=True):
        color = palette[found["label"][leaf]]
        axes.plot(place, 0, "s", color=color, markeredgecolor=style.QUIET, markersize=6, clip_on=False, zorder=3)
