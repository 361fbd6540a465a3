"""HDBSCAN's condensed tree: clusters as icicles that grow thinner as density rises, the chosen ones in their colour."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shared.contract.results import NOISE_LABEL
from worker.clustering.hdbscan.details import CondensedTree, HdbscanDetails
from worker.rendering.plots import in_pixels, style

MOST_CLUSTERS = 250
STEPS = 16  # of an icicle; of two values each: see plots.MOST_VALUES


def data(
    details: HdbscanDetails, labels: NDArray[np.int32], weights: NDArray[np.int64], units: int = 1
) -> dict[str, Any]:
    """The tree's largest clusters, at most MOST_CLUSTERS, parents before children. `units` as in `Points`.

    Each has its `parent` (null for the root), its `left` end on the axis of pixels, `steps` [lambda, pixels that are
    left from there on], ending where it splits or dissolves, and the `label` that was chosen for it, null for most.
    Of the tree's clusters, `of`, as many as `chosen` have a label.
    """
    tree = details.condensed
    owner = _owner(tree.parent, details.selected)
    chosen = _chosen(owner[tree.point_parent], labels)
    kept = _kept(tree, owner, details.selected)
    number_of = {cluster: number for number, cluster in enumerate(kept)}
    ends = _ends(details)
    points = np.argsort(tree.point_parent, kind="stable")
    begin = np.searchsorted(tree.point_parent[points], np.arange(len(tree.parent) + 1))
    left: dict[int, int] = {}
    used: dict[int, int] = {}
    clusters = []
    for cluster in kept:
        parent = int(tree.parent[cluster])
        left[cluster] = used[cluster] = 0 if parent < 0 else used[parent]
        if parent >= 0:
            used[parent] += int(tree.pixels[cluster])
        own = points[begin[cluster] : begin[cluster + 1]]
        at = np.linspace(tree.birth[cluster], ends[cluster], STEPS + 1)
        parts = tree.pixels[cluster] - _gone(tree.point_lambda[own], weights[own], at)
        clusters.append(
            {
                "parent": number_of.get(parent),
                "left": in_pixels(left[cluster], units),
                "steps": [[round(x, 6), in_pixels(y, units)] for x, y in zip(at.tolist(), parts, strict=True)],
                "label": chosen.get(cluster),
            }
        )
    return {
        "pixels": in_pixels(tree.pixels[0], units),
        "clusters": clusters,
        "of": len(tree.parent),
        "chosen": len(details.selected),
    }


def _owner(parent: NDArray[np.int64], selected: NDArray[np.int64]) -> NDArray[np.int64]:
    """The selected cluster that each cluster is in, or is; -1 where there is none. `parent` i64[C]."""
    owner = np.full(len(parent), -1, np.int64)
    owner[selected] = selected
    for cluster, above in enumerate(parent.tolist()):
        if owner[cluster] < 0 <= above:
            owner[cluster] = owner[above]
    return owner


def _chosen(owner: NDArray[np.int64], labels: NDArray[np.int32]) -> dict[int, int]:
    """The final label of each selected cluster: that of any of its points, whose `owner` i64[U] it is."""
    inside = np.flatnonzero(labels != NOISE_LABEL)
    clusters, first = np.unique(owner[inside], return_index=True)
    return {cluster: int(labels[inside[at]]) for cluster, at in zip(clusters.tolist(), first, strict=True)}


def _kept(tree: CondensedTree, owner: NDArray[np.int64], selected: NDArray[np.int64]) -> list[int]:
    """At most MOST_CLUSTERS clusters, ascending: the selected ones and what they split from, then the largest.

    No parent is smaller than its child, so that each has its parent with it.
    """
    wanted = np.zeros(len(tree.parent), np.bool_)
    wanted[selected] = True
    for cluster in range(len(wanted) - 1, 0, -1):
        wanted[tree.parent[cluster]] |= wanted[cluster]
    return sorted(np.lexsort((-tree.pixels, ~wanted))[:MOST_CLUSTERS].tolist())


def _ends(details: HdbscanDetails) -> NDArray[np.float64]:
    """Lambda at which each cluster splits in two, or at which its last pixel leaves."""
    tree = details.condensed
    ends = np.zeros(len(tree.parent))
    np.maximum.at(ends, tree.point_parent, tree.point_lambda)
    children = np.flatnonzero(tree.parent >= 0)
    np.maximum.at(ends, tree.parent[children], tree.birth[children])
    return ends


def _gone(lambdas: NDArray[np.float64], weights: NDArray[np.int64], at: NDArray[np.float64]) -> list[int]:
    """How much of `weights` [n] has left before each place of `at`, leaving at its own of `lambdas` [n]."""
    order = np.argsort(lambdas)
    gone = np.append(0, np.cumsum(weights[order]))
    left: list[int] = gone[np.searchsorted(lambdas[order], at, side="left")].tolist()
    return left


def draw(found: Mapping[str, Any], palette: Sequence[str]) -> bytes:
    """A PNG of `data`'s values; the chosen clusters have their colour of `palette` (hex)."""
    from matplotlib.collections import PolyCollection

    sheet = style.figure()
    drawn, of = len(found["clusters"]), found["of"]
    below = "pixels" if drawn == of else f"pixels (the {drawn:,} largest of {of:,} clusters in the tree)"
    axes = style.axes(sheet, _title(found["chosen"]), below, "density (λ = 1 / distance)")
    shapes, fills, edges = [], [], []
    for cluster, inherited in _with_color(found["clusters"]):
        lambdas = np.array([step[0] for step in cluster["steps"]])
        pixels = np.array([step[1] for step in cluster["steps"]], np.float64)
        left = np.full(len(pixels), cluster["left"])
        shapes.append(np.column_stack([np.append(left, (left + pixels)[::-1]), np.append(lambdas, lambdas[::-1])]))
        fills.append(style.NOISE if inherited is None else palette[inherited])
        edges.append(style.QUIET if cluster["label"] is None else style.INK)
    axes.add_collection(PolyCollection(shapes, facecolors=fills, edgecolors=edges, linewidths=0.5))
    axes.set_xlim(0, found["pixels"])
    axes.set_ylim(1.03 * max((step[0] for c in found["clusters"] for step in c["steps"]), default=1.0) or 1.0, 0)
    style.counts(axes.xaxis)
    return style.png(sheet)


def _title(chosen: int) -> str:
    if chosen == 0:
        return "No cluster holds together as density rises"
    return f"{chosen:,} {'cluster holds' if chosen == 1 else 'clusters hold'} together as density rises"


def _with_color(clusters: Sequence[Mapping[str, Any]]) -> list[tuple[Mapping[str, Any], int | None]]:
    """Each cluster and the label that it, or the one it is in, was chosen for."""
    inherited: list[int | None] = []
    for cluster in clusters:
        above = None if cluster["parent"] is None else inherited[cluster["parent"]]
        inherited.append(cluster["label"] if cluster["label"] is not None else above)
    return list(zip(clusters, inherited, strict=True))
