"""HDBSCAN's condensed tree: clusters as icicles that grow thinner as density rises, the chosen ones in their colour."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shared.contract.results import NOISE_LABEL
from worker.clustering.hdbscan.details import HdbscanDetails
from worker.rendering.plots import style

MOST_CLUSTERS = 250
STEPS = 16  # of an icicle; of two values each: see plots.MOST_VALUES


def data(details: HdbscanDetails, labels: NDArray[np.int32], weights: NDArray[np.int64]) -> dict[str, Any]:
    """The tree's largest clusters, at most MOST_CLUSTERS, parents before children.

    Each has its `parent` (null for the root), its `left` end on the axis of pixels, `steps` [lambda, pixels that are
    left from there on], ending where it splits or dissolves, and the `label` that was chosen for it, null for most.
    """
    tree = details.condensed
    chosen = _chosen(details, labels)
    kept = np.sort(np.argsort(-tree.pixels, kind="stable")[:MOST_CLUSTERS])
    # A cluster is drawn only where its parent is; as the larger of the two stands first, so does the parent.
    number_of = {int(cluster): number for number, cluster in enumerate(kept)}
    ends = _ends(details)
    points = np.argsort(tree.point_parent, kind="stable")
    begin = np.searchsorted(tree.point_parent[points], np.arange(len(tree.parent) + 1))
    left: dict[int, float] = {}
    used: dict[int, float] = {}
    clusters = []
    for cluster in kept.tolist():
        parent = int(tree.parent[cluster])
        left[cluster] = 0.0 if parent < 0 else used[parent]
        if parent >= 0:
            used[parent] += float(tree.pixels[cluster])
        used[cluster] = left[cluster]
        own = points[begin[cluster] : begin[cluster + 1]]
        steps = _steps(cluster, tree.birth[cluster], ends[cluster], tree.point_lambda[own], weights[own], details)
        label = chosen.get(cluster)
        clusters.append({"parent": number_of.get(parent), "left": left[cluster], "steps": steps, "label": label})
    return {"pixels": int(tree.pixels[0]), "clusters": clusters, "of": len(tree.parent)}


def _chosen(details: HdbscanDetails, labels: NDArray[np.int32]) -> dict[int, int]:
    """The final label of each chosen cluster of the tree: that of any point below it that is no noise."""
    tree = details.condensed
    owner = np.full(len(tree.parent), -1, np.int64)  # the chosen cluster that a cluster is in, or is
    selected = set(details.selected.tolist())
    for cluster, parent in enumerate(tree.parent.tolist()):
        owner[cluster] = cluster if cluster in selected else owner[parent] if parent >= 0 else -1
    inside = np.flatnonzero(labels != NOISE_LABEL)
    of_point = owner[tree.point_parent[inside]]
    found, first = np.unique(of_point, return_index=True)
    return {int(cluster): int(labels[inside[at]]) for cluster, at in zip(found, first, strict=True) if cluster >= 0}


def _ends(details: HdbscanDetails) -> NDArray[np.float64]:
    """Lambda at which each cluster splits in two, or at which its last pixel leaves."""
    tree = details.condensed
    ends = np.zeros(len(tree.parent))
    np.maximum.at(ends, tree.point_parent, tree.point_lambda)
    children = np.flatnonzero(tree.parent >= 0)
    np.maximum.at(ends, tree.parent[children], tree.birth[children])
    return ends


def _steps(
    cluster: int,
    birth: float,
    end: float,
    lambdas: NDArray[np.float64],
    weights: NDArray[np.int64],
    details: HdbscanDetails,
) -> list[list[float]]:
    """[lambda, pixels from there on], at STEPS even distances between the cluster's birth and its end."""
    order = np.argsort(lambdas)
    gone = np.concatenate([[0], np.cumsum(weights[order])])
    at = np.linspace(birth, end, STEPS + 1)
    left = details.condensed.pixels[cluster] - gone[np.searchsorted(lambdas[order], at, side="left")]
    return [[round(float(value), 6), int(pixels)] for value, pixels in zip(at, left, strict=True)]


def draw(found: Mapping[str, Any], palette: Sequence[str]) -> bytes:
    """A PNG of `data`'s values; the chosen clusters have their colour of `palette` (hex)."""
    from matplotlib.collections import PolyCollection

    sheet = style.figure()
    chosen = {cluster["label"] for cluster in found["clusters"]} - {None}
    noun = "cluster lasts" if len(chosen) == 1 else "clusters last"
    axes = style.axes(sheet, f"{len(chosen)} {noun} longest as density rises", "pixels", "density (λ = 1 / distance)")
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
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    return style.png(sheet)


def _with_color(clusters: Sequence[Mapping[str, Any]]) -> list[tuple[Mapping[str, Any], int | None]]:
    """Each cluster and the label that it, or the one it is in, was chosen for."""
    inherited: list[int | None] = []
    for cluster in clusters:
        above = None if cluster["parent"] is None else inherited[cluster["parent"]]
        inherited.append(cluster["label"] if cluster["label"] is not None else above)
    return list(zip(clusters, inherited, strict=True))
