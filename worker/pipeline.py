"""Image bytes and parameters in, result and files out. No Redis, no network, no disk."""

import hashlib
import io
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version

import numpy as np
from numpy.typing import NDArray

from shared.contract.errors import TooManyClusters, errors_about
from shared.contract.hex_color import hex_of_rgb
from shared.contract.params import MOST_CLUSTERS, AgglomerativeParams, AnyParams, OpticsParams
from shared.contract.results import (
    LABELS_NPY,
    LABELS_PNG,
    Artifact,
    ClusterResult,
    ImageInfo,
    LabelMap,
    Noise,
    PaletteEntry,
)
from shared.formats import Limits
from worker.clustering import Clustering, cluster
from worker.color.counting import ColorSet
from worker.color.points import Points
from worker.color.selection import count_selected, select
from worker.color.spaces import centers_to_srgb
from worker.decoding.decode import Raster, decode
from worker.progress import Meter, Stopped
from worker.rendering.label_png import label_png

StageReport = Callable[[str, float], bool]
"""Takes the stage and the finished fraction of the whole; answers whether to go on."""

# Where each stage begins and ends in the whole; clustering is what a person waits for.
STAGES = {"decode": (0.0, 0.15), "count": (0.15, 0.2), "cluster": (0.2, 0.9), "render": (0.9, 1.0)}
SOFTWARE = {name: version(name) for name in ("huemill", "numpy", "numba", "pillow")}


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
    def stage(self, name: str) -> Iterator[Callable[[float], bool]]:
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

    `mask` is a second image file of the same size: where it is black, the image's pixel is left out.

    Raises the HuemillErrors of decoding and clustering, and Stopped when `report` answers no.
    """
    stages = _Stages(report)
    with stages.stage("decode"):
        raster = decode(data, limits)
        with errors_about("mask"):
            shape = None if mask is None else decode(mask, limits)
    with stages.stage("count") as tell:
        selected = select(raster, params, shape, Meter(tell, threads))
        colors = count_selected(selected, params)
        points = colors.points(params.color_space, params.standardize)
    with stages.stage("cluster") as tell:
        clustering = cluster(points, params, tell, threads)
        _check_clusters(len(clustering.centers), params)
        clustering = _ordered(clustering, points)
    with stages.stage("render"):
        centroids = centers_to_srgb(points, clustering.centers)
        palette_colors = np.rint(centroids).astype(np.uint8)
        labels = _label_array(colors, clustering)
        files = {LABELS_NPY: _npy(labels), LABELS_PNG: label_png(labels, palette_colors)}
    hashes = [hashlib.sha256(file).hexdigest() for file in (data, mask) if file is not None]
    result = _result(raster, colors, points, clustering, centroids, params, hashes, files, stages.timings_ms)
    return Outcome(result, files)


def _check_clusters(count: int, params: AnyParams) -> None:
    """Raises TooManyClusters above MOST_CLUSTERS: a distance threshold of 0 makes a million of them."""
    if count <= MOST_CLUSTERS:
        return
    coarser = "min_cluster_size"
    if isinstance(params, AgglomerativeParams):
        coarser = "distance_threshold, or give n_clusters"
    elif isinstance(params, OpticsParams) and params.cluster_method == "dbscan":
        coarser = "eps or min_samples"
    raise TooManyClusters(
        f"These parameters part the image into {count:,} clusters; a result holds at most {MOST_CLUSTERS:,}. "
        f"Use a larger {coarser}."
    )


def _ordered(clustering: Clustering, points: Points) -> Clustering:
    """The clustering with its clusters by falling share, ties by colour."""
    count = len(clustering.centers)
    shares = _by_cluster(points.weights, clustering.labels, count)
    centers = clustering.centers
    order = np.lexsort((centers[:, 2], centers[:, 1], centers[:, 0], -shares))
    rank = np.full(count + 1, -1, np.int32)  # the last entry is noise's: label -1 stays -1
    rank[order] = np.arange(count, dtype=np.int32)
    return Clustering(rank[clustering.labels], centers[order], clustering.details)


def _by_cluster(values: NDArray[np.int64], labels: NDArray[np.int32], count: int) -> NDArray[np.int64]:
    """Sums of the colours' `values` i64[U] over each of `count` clusters, i64[count]."""
    sums = np.zeros(count + 1, np.int64)
    np.add.at(sums, labels, values)  # noise, label -1, falls into the last place
    return sums[:count]


def _label_array(colors: ColorSet, clustering: Clustering) -> NDArray[np.int16] | NDArray[np.int32]:
    """A label for every pixel: int[h, w]."""
    dtype = np.int16 if len(clustering.centers) <= np.iinfo(np.int16).max else np.int32
    return colors.label_map(clustering.labels.astype(dtype))


def _npy(array: NDArray[np.integer]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()


def _result(
    raster: Raster,
    colors: ColorSet,
    points: Points,
    clustering: Clustering,
    centroids: NDArray[np.float64],
    params: AnyParams,
    hashes: list[str],
    files: dict[str, bytes],
    timings_ms: dict[str, float],
) -> ClusterResult:
    height, width = colors.shape
    scaled_from = None if (width, height) == (raster.width, raster.height) else (raster.width, raster.height)
    pixels = _by_cluster(colors.counts, clustering.labels, len(centroids))
    weights = _by_cluster(points.weights, clustering.labels, len(centroids))
    total = points.pixels
    noise = total - int(weights.sum())
    rounded = np.rint(centroids).astype(int).tolist()
    return ClusterResult(
        algorithm=params.algorithm,
        params=params,
        digest=_digest(hashes, params),
        image=ImageInfo(
            width=width,
            height=height,
            scaled_from=scaled_from,
            pixels=width * height,
            clustered_pixels=colors.pixels,
            excluded_pixels=width * height - colors.pixels,
            unique_colors=len(points),
            **raster.found.model_dump(),
            sha256=hashes[0],
        ),
        centroids=centroids.tolist(),
        proportions=(weights / total).tolist(),
        labels=LabelMap(
            shape=colors.shape,
            dtype="int16" if len(centroids) <= np.iinfo(np.int16).max else "int32",
        ),
        palette=[
            PaletteEntry(
                label=label,
                hex=hex_of_rgb(rgb),
                rgb=tuple(rgb),
                pixels=int(pixels[label]),
                proportion=float(weights[label] / total),
            )
            for label, rgb in enumerate(rounded)
        ],
        noise=Noise(pixels=colors.pixels - int(pixels.sum()), proportion=noise / total),
        quality=clustering.details.summary(),
        artifacts=[
            Artifact(name=LABELS_PNG, media_type="image/png", bytes=len(files[LABELS_PNG])),
            Artifact(name=LABELS_NPY, media_type="application/x-npy", bytes=len(files[LABELS_NPY])),
        ],
        timings_ms=timings_ms,
        software=SOFTWARE,
    )


def _digest(hashes: list[str], params: AnyParams) -> str:
    """One hash of all that a result depends on. `hashes` are of the image and its mask, if it has one."""
    # How long a job may run changes no result.
    parts = "\n".join([*hashes, params.model_dump_json(exclude={"timeout"}), SOFTWARE["huemill"]])
    return "sha256:" + hashlib.sha256(parts.encode()).hexdigest()
