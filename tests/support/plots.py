"""Clustered images for the tests of plots."""

from typing import Any

import numpy as np
import orjson

from shared.contract.params import AnyParams
from worker.clustering import Clustering, cluster
from worker.color.counting import count_colors
from worker.color.points import Points
from worker.rendering.plots import MOST_VALUES

Found = dict[str, Any]


def blobs(height: int = 80, width: int = 100, seed: int = 0) -> np.ndarray:
    """Five clouds of colours, some of many equal pixels, and some pixels of any colour."""
    random = np.random.default_rng(seed)
    middles = np.array([[30, 30, 40], [200, 40, 40], [60, 180, 70], [230, 220, 90], [90, 110, 220]])
    which = random.integers(0, 5, (height, width))
    spread = np.array([1, 3, 6, 2, 9])[which][..., None]
    pixels = middles[which] + np.rint(spread * random.normal(size=(height, width, 3)))
    stray = random.random((height, width)) < 0.03
    pixels[stray] = random.integers(0, 256, (stray.sum(), 3))
    return pixels.clip(0, 255).astype(np.uint8)


def clustered(pixels: np.ndarray, params: AnyParams) -> tuple[Points, Clustering, list[str]]:
    """The points, the clustering, and its palette as hex."""
    points = count_colors(pixels).points()
    found = cluster(points, params)
    palette = np.rint(found.centers).astype(np.uint8)
    return points, found, ["#" + bytes(color).hex() for color in palette]


def numbers_in(value: Any) -> int:
    """How many numbers and nulls a JSON value holds."""
    if isinstance(value, dict):
        return sum(map(numbers_in, value.values()))
    if isinstance(value, list):
        return sum(map(numbers_in, value))
    return int(not isinstance(value, str))


def checked(found: Found) -> Found:
    """The data, if it is plain JSON and not too much."""
    assert numbers_in(found) <= MOST_VALUES
    assert orjson.loads(orjson.dumps(found)) == found
    return found
