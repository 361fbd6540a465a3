"""The clustered colours as points of their colour space: what a 3-D view draws."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import orjson
from numpy.typing import NDArray

from shared.contract.params import ColorSpace
from worker.color.spaces import from_srgb
from worker.progress import Meter
from worker.rendering.base import Drawn, File
from worker.segmentation import Segmentation

MOST_POINTS = 20_000
AXES: dict[ColorSpace, tuple[str, str, str]] = {
    "rgb": ("red", "green", "blue"),
    "lab": ("L*", "a*", "b*"),
    "oklab": ("L", "a", "b"),
}


class PointCloud(NamedTuple):
    """The colours that are drawn, in ascending order of (red, green, blue), M of them."""

    colors: NDArray[np.uint8]  # [M, 3]
    labels: NDArray[np.int32]  # [M]; noise -1
    pixels: NDArray[np.int64]  # [M]: how many pixels have just this colour
    coords: NDArray[np.float64]  # [M, 3], in the colour space, not standardised
    centers: NDArray[np.float64]  # [k, 3], likewise
    axes: tuple[str, str, str]


def choose(
    colors: NDArray[np.uint8], labels: NDArray[np.int32], pixels: NDArray[np.int64], most: int = MOST_POINTS
) -> NDArray[np.int64]:
    """Ascending indices of at most `most` of the colours u8[U, 3] with labels i32[U], the same ones every time.

    Each cluster and the noise get their share of the places, at least one as long as there are places, and are thinned
    evenly: after the one with most of its `pixels` i64[U], colours are taken in the order of a hash, which knows
    nothing of where they lie.
    """
    if len(colors) <= most:
        return np.arange(len(colors))
    wide = colors.astype(np.uint64)
    keys = (wide[:, 0] << np.uint64(16)) | (wide[:, 1] << np.uint64(8)) | wide[:, 2]
    hashes = (keys * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(32)  # Knuth's multiplicative hash: 2^64 / golden ratio
    groups, group = np.unique(labels, return_inverse=True)
    heaviest = np.lexsort((-pixels, group))[np.searchsorted(np.sort(group), np.arange(len(groups)))]
    later = np.ones(len(colors), np.bool_)
    later[heaviest] = False
    order = np.lexsort((hashes, later, group))
    _, begin, sizes = np.unique(group[order], return_index=True, return_counts=True)
    # The place of a colour within its group, as a share of the group: 0 for each group's first.
    rank = np.arange(len(order)) - np.repeat(begin, sizes)
    share = rank / np.repeat(sizes, sizes)
    chosen = order[np.lexsort((np.repeat(-sizes, sizes), share))[:most]]
    return np.sort(chosen)


def points_json(cloud: PointCloud) -> bytes:
    """`{"colors": [hex], "labels", "pixels", "coords": [[x, y, z]], "axes", "centers"}`; coordinates to 4 places."""
    return orjson.dumps(
        {
            "colors": ["#" + color.hex() for color in map(bytes, cloud.colors)],
            "labels": cloud.labels.tolist(),
            "pixels": cloud.pixels.tolist(),
            "coords": np.round(cloud.coords, 4).tolist(),
            "axes": list(cloud.axes),
            "centers": np.round(cloud.centers, 4).tolist(),
        }
    )


def cloud_of(segmentation: Segmentation) -> PointCloud:
    """The points that are drawn, in the colour space of the request."""
    colors, labels, space = segmentation.colors, segmentation.clustering.labels, segmentation.params.color_space
    shown = choose(colors.colors, labels, colors.counts)
    return PointCloud(
        colors.colors[shown],
        labels[shown],
        colors.counts[shown],
        from_srgb(colors.colors[shown], space),
        from_srgb(segmentation.centroids, space),
        AXES[space],
    )


def draw(segmentation: Segmentation, _: Meter) -> Iterator[Drawn]:
    description = "Colours of the image as points of the colour space, with labels and pixels: at most 20,000."
    yield File("points.json", "application/json", description, points_json(cloud_of(segmentation)))
