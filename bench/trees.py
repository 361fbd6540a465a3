"""quitefastmst's spanning trees beside whole calls: a call that begins with such a tree takes that long at least.

It takes no weights, so it gets each colour once; and it counts `M` as the hdbscan package counts `min_samples`.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import quitefastmst
from numpy.typing import NDArray
from PIL import Image

from bench.common import Measure, Row, Work, measure, row
from shared.contract.params import AnyParams
from worker.clustering import cluster
from worker.color.counting import count_colors
from worker.color.points import Points
from worker.warmup import warm_up

REPEAT = 7
NORMAL = 250_000


def colors_of(path: Path) -> Points:
    """The colours of an image with their counts."""
    Image.MAX_IMAGE_PIXELS = None
    return count_colors(np.asarray(Image.open(path).convert("RGB"))).points()


def points_of(path: Path | None) -> Points:
    """The colours of an image, each once; without one, normal points."""
    if path is None:
        return Points(
            np.random.default_rng(0).standard_normal((NORMAL, 3)), np.ones(NORMAL, np.int64), np.arange(NORMAL)
        )
    found = colors_of(path)
    return replace(found, weights=np.ones(len(found), np.int64))


def huemill(path: Path | None, params: AnyParams, counted: bool) -> Work:
    """From points to labels: of colours with their counts, or each once."""
    warm_up()
    points = colors_of(path) if counted and path else points_of(path)
    return lambda: len(cluster(points, params).centers)


def tree(path: Path | None, neighbours: int) -> Work:
    coords: NDArray[np.float64] = points_of(path).coords.copy()
    return lambda: len(quitefastmst.mst_euclid(coords, neighbours)[0])


def beside(case: str, path: Path | None, params: AnyParams, neighbours: int, most: float, counted: bool = False) -> Row:
    """A row that tells how many trees long the whole call is."""
    ours: Measure = measure(huemill, path, params, counted, repeat=REPEAT)
    theirs: Measure = measure(tree, path, neighbours, repeat=REPEAT)
    times, work = ours.seconds / theirs.seconds, ours.cpu_seconds / theirs.cpu_seconds
    name = f"quitefastmst's tree, M = {neighbours}"
    return row(case, ours, name, theirs, f"at most {most:g} trees", f"{times:.2f} trees; of CPU {work:.2f}")
