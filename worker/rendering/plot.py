"""The plot of what the method found, and of how the number of clusters was chosen: picture and data."""

from collections.abc import Callable, Iterator
from typing import Any

import orjson

from shared.contract.hex_color import hex_of_rgb
from shared.contract.results import Note
from worker.clustering.agglomerative.details import AgglomerativeDetails
from worker.clustering.hdbscan.details import HdbscanDetails
from worker.clustering.optics.details import OpticsDetails
from worker.progress import Meter
from worker.rendering.base import Drawn, File
from worker.rendering.plots import condensed_tree, curve, dendrogram, reachability
from worker.segmentation import Segmentation

Hexes = list[str]


def draw(segmentation: Segmentation, _: Meter) -> Iterator[Drawn]:
    if segmentation.selection is not None:
        chosen = segmentation.selection.model_dump()
        yield from _both("curve", "How good each number of clusters is.", chosen, curve.draw(chosen))
    plot = _PLOTS.get(type(segmentation.clustering.details))
    if plot is not None:
        yield from plot(segmentation, [hex_of_rgb((r, g, b)) for r, g, b in segmentation.palette.tolist()])
    elif segmentation.selection is None:
        detail = f"There is no plot: {segmentation.params.algorithm} here makes no tree and no order to show."
        yield Note(note="left_out", detail=detail)


def _reachability(segmentation: Segmentation, palette: Hexes) -> Iterator[File]:
    details: OpticsDetails = segmentation.clustering.details  # type: ignore[assignment]
    labels, units = segmentation.clustering.labels, segmentation.points.units
    found = reachability.data(details.plot, labels, segmentation.params.color_space, units)
    description = "The reachability of all pixels in OPTICS' order."
    yield from _both("reachability", description, found, reachability.draw(found, palette))


def _condensed_tree(segmentation: Segmentation, palette: Hexes) -> Iterator[File]:
    details: HdbscanDetails = segmentation.clustering.details  # type: ignore[assignment]
    points = segmentation.points
    found = condensed_tree.data(details, segmentation.clustering.labels, points.weights, points.units)
    yield from _both("condensed_tree", "HDBSCAN's condensed tree.", found, condensed_tree.draw(found, palette))


def _dendrogram(segmentation: Segmentation, palette: Hexes) -> Iterator[File]:
    details: AgglomerativeDetails = segmentation.clustering.details  # type: ignore[assignment]
    labels, points = segmentation.clustering.labels, segmentation.points
    linkage = getattr(segmentation.params, "linkage", "")
    found = dendrogram.data(details, labels, points.weights, len(palette), linkage, points.units)
    yield from _both("dendrogram", "The last merges as a tree, with the cut.", found, dendrogram.draw(found, palette))


# A method whose details can be shown has its line here.
_PLOTS: dict[type, Callable[[Segmentation, Hexes], Iterator[File]]] = {
    OpticsDetails: _reachability,
    HdbscanDetails: _condensed_tree,
    AgglomerativeDetails: _dendrogram,
}


def _both(name: str, description: str, data: dict[str, Any], picture: bytes) -> Iterator[File]:
    yield File(f"{name}.png", "image/png", description, picture)
    yield File(f"{name}.json", "application/json", f"{description} As data.", orjson.dumps(data))
