"""Image bytes and parameters in, result and files out. No Redis, no network, no disk."""

import hashlib
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from shared.contract.errors import errors_about
from shared.contract.params import AnyParams
from shared.contract.results import ClusterResult
from shared.formats import Limits
from worker.choice import choose
from worker.clustering import cluster, in_order
from worker.color.selection import count_selected, select
from worker.decoding.decode import decode
from worker.measures import measure
from worker.progress import Meter, Report, Stopped
from worker.rendering.base import File
from worker.rendering.registry import ALWAYS, draw_all
from worker.result import check_clusters, result_of
from worker.segmentation import Segmentation, label_pixels

StageReport = Callable[[str, float], bool]
"""Takes the stage and the finished fraction of the whole; answers whether to go on."""

# Where each stage begins and ends in the whole; clustering is what a person waits for.
STAGES = {"decode": (0.0, 0.15), "count": (0.15, 0.2), "cluster": (0.2, 0.8), "measure": (0.8, 0.9), "render": (0.9, 1)}


@dataclass(frozen=True)
class Outcome:
    """A finished job: the result, and the files that belong to it by name."""

    result: ClusterResult
    files: dict[str, bytes]


@dataclass
class _Stages:
    """Tells each stage's progress and keeps its time."""

    report: StageReport
    timings_ms: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[Report]:
        low, high = STAGES[name]
        if not self.report(name, low):
            raise Stopped
        begin = time.perf_counter()
        yield lambda fraction: self.report(name, low + fraction * (high - low))
        self.timings_ms[name] = round(1000 * (time.perf_counter() - begin), 2)


def run(
    data: bytes,
    params: AnyParams,
    report: StageReport,
    *,
    mask: bytes | None = None,
    limits: Limits,
    threads: int | None = None,
) -> Outcome:
    """Cluster every pixel of the image file `data` that `params` select.

    `mask` is a second image file of the same size: where it is black, the image's pixel is left out. At most `threads`
    threads compute at a time, by default as many as there are processors; they change no result.

    Raises the HuemillErrors of decoding and clustering, and Stopped when `report` answers no.
    """
    stages = _Stages(report)
    with stages.stage("decode"):
        raster = decode(data, limits, threads)
        with errors_about("mask"):
            shape = None if mask is None else decode(mask, limits, threads)
    with stages.stage("count") as tell:
        selected = select(raster, params, shape, Meter(tell, threads))
        colors = count_selected(selected, params, threads)
        points = colors.points(params.color_space, params.standardize)
    with stages.stage("cluster") as tell:
        chosen = choose(points, params, Meter(tell, threads), frames="sweep" in params.outputs)
        clustering = chosen.clustering if chosen else cluster(points, params, tell, threads)
        check_clusters(clustering, params)
        clustering = in_order(clustering, points, params)
    with stages.stage("measure") as tell:
        labels = label_pixels(colors, clustering, threads)
        selection, tried = (chosen.selection, chosen.tried) if chosen else (None, ())
        segmentation = Segmentation(params, raster, colors, points, clustering, labels, selection, tried)
        measures = measure(segmentation, Meter(tell, threads))
    with stages.stage("render") as tell:
        drawn = draw_all([*ALWAYS, *params.outputs], segmentation, Meter(tell, threads))
    hashes = [hashlib.sha256(file).hexdigest() for file in (data, mask) if file is not None]
    result = result_of(segmentation, measures, drawn, hashes, stages.timings_ms)
    return Outcome(result, {file.name: file.data for file in drawn if isinstance(file, File)})
