"""The colours in their space, as a picture."""

from collections.abc import Iterator

from worker.progress import Meter
from worker.rendering.base import Drawn, File
from worker.rendering.plots import scatter
from worker.rendering.points import cloud_of
from worker.segmentation import Segmentation


def draw(segmentation: Segmentation, _: Meter) -> Iterator[Drawn]:
    picture = scatter.draw(cloud_of(segmentation), segmentation.palette)
    yield File(
        "scatter.png", "image/png", "The image's colours in their space, and in their clusters' colours.", picture
    )
