"""The outputs that there are. A new one is a file beside this one that has a `draw`, and its line here."""

from collections.abc import Iterable
from importlib import import_module

from worker.progress import Meter
from worker.rendering.base import Drawn, Output
from worker.segmentation import Segmentation

OUTPUTS: dict[str, str] = {
    "labels": "worker.rendering.labels",
    "recolored": "worker.rendering.recolored",
    "side_by_side": "worker.rendering.side_by_side",
    "card": "worker.rendering.card",
    "masks": "worker.rendering.masks",
    "points": "worker.rendering.points",
    "scatter": "worker.rendering.scatter",
    "plot": "worker.rendering.plot",
    "sweep": "worker.rendering.sweep",
}
ALWAYS = ("labels",)
"""What every result has; the others are asked for: `shared.contract.outputs` has their names."""


def output_of(name: str) -> Output:
    """The output of that name. It is loaded when it is first asked for: some need large packages."""
    draw: Output = import_module(OUTPUTS[name]).draw
    return draw


def draw_all(names: Iterable[str], segmentation: Segmentation, meter: Meter) -> list[Drawn]:
    """The files and notes of all outputs that are named, in that order. Raises Stopped."""
    drawn: list[Drawn] = []
    wanted = list(names)
    for place, name in enumerate(wanted):
        with meter.part(place / len(wanted), (place + 1) / len(wanted)) as part:
            drawn += output_of(name)(segmentation, part)
    return drawn
