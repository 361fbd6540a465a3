"""Clusters and files -> ClusterResult: what a finished job answers."""

import hashlib
from collections.abc import Iterable
from importlib.metadata import version

from shared.contract.errors import TooManyClusters
from shared.contract.params import MOST_CLUSTERS, AnyParams
from shared.contract.results import Artifact, ClusterResult, ImageInfo, LabelMap, Noise, Note, Quality
from worker.clustering import Clustering
from worker.clustering.registry import method_of
from worker.measures import Measures
from worker.rendering.base import Drawn, File
from worker.segmentation import Segmentation

SOFTWARE = {name: version(name) for name in ("huemill", "numpy", "numba", "pillow")}


def check_clusters(clustering: Clustering, params: AnyParams) -> None:
    """Raises TooManyClusters above MOST_CLUSTERS: a distance threshold of 0 makes a million of them."""
    count = len(clustering.centers)
    if count > MOST_CLUSTERS:
        raise TooManyClusters(
            f"These parameters part the image into {count:,} clusters; a result holds at most {MOST_CLUSTERS:,}. "
            f"{method_of(params.algorithm).fewer(params)}"
        )


def result_of(
    segmentation: Segmentation,
    measures: Measures,
    drawn: Iterable[Drawn],
    hashes: list[str],
    timings_ms: dict[str, float],
) -> ClusterResult:
    """The result with its files listed. `hashes` are the SHA-256 of the image file and its mask's, if it has one."""
    params, drawn = segmentation.params, list(drawn)
    return ClusterResult(
        algorithm=params.algorithm,
        params=params,
        digest=digest(hashes, params),
        image=_image(segmentation, hashes[0]),
        centroids=segmentation.centroids.tolist(),
        proportions=segmentation.shares.tolist(),
        labels=LabelMap(shape=segmentation.colors.shape, dtype=str(segmentation.labels.dtype)),
        palette=measures.palette,
        palette_contrast=measures.palette_contrast,
        noise=_noise(segmentation),
        quality=Quality(**measures.quality),
        selection=segmentation.selection,
        notes=[*measures.notes, *(each for each in drawn if isinstance(each, Note))],
        artifacts=[_artifact(each) for each in drawn if isinstance(each, File)],
        timings_ms=timings_ms,
        software=SOFTWARE,
    )


def digest(hashes: list[str], params: AnyParams) -> str:
    """One hash of all that a result depends on; `hashes` as in `result_of`."""
    # How long a job may run changes no result.
    parts = "\n".join([*hashes, params.model_dump_json(exclude={"timeout"}), SOFTWARE["huemill"]])
    return "sha256:" + hashlib.sha256(parts.encode()).hexdigest()


def _image(segmentation: Segmentation, sha256: str) -> ImageInfo:
    raster, colors = segmentation.raster, segmentation.colors
    height, width = colors.shape
    return ImageInfo(
        width=width,
        height=height,
        scaled_from=None if (width, height) == (raster.width, raster.height) else (raster.width, raster.height),
        pixels=width * height,
        clustered_pixels=colors.pixels,
        excluded_pixels=width * height - colors.pixels,
        unique_colors=len(colors),
        **raster.found.model_dump(),
        sha256=sha256,
    )


def _noise(segmentation: Segmentation) -> Noise:
    colors, points = segmentation.colors, segmentation.points
    weight = points.pixels - int(segmentation.weights.sum())
    return Noise(pixels=colors.pixels - int(segmentation.pixels.sum()), proportion=weight / points.pixels)


def _artifact(file: File) -> Artifact:
    return Artifact(name=file.name, media_type=file.media_type, description=file.description, bytes=len(file.data))
