"""The outputs that there are. A new one is a file beside this one that has a `draw`, and its line here."""

from collections.abc import Iterable
from importlib import import_module

from worker.progress import Meter
from worker.rendering.base import File, Output
from worker.segmentation import Segmentation

OUTPUTS: dict[str, str] = {
    "labels": "worker.rendering.labels",
}
"""What every result has, by name."""


def output_of(name: str) -> Output:
    """The output of that name. It is loaded when it is first asked for: some need large packages."""
    draw: Output = import_module(OUTPUTS[name]).draw
    return draw


def draw_all(names: Iterable[str], segmentation: Segmentation, meter: Meter) -> list[File]:
    """The files of all outputs that are named, in that order. Raises Stopped."""
    files: list[File] = []
    wanted = list(names)
    for place, name in enumerate(wanted):
        with meter.part(place / len(wanted), (place + 1) / len(wanted)) as part:
            files += output_of(name)(segmentation, part)
    return files
