"""Complete and average linkage of more colours than all distances are taken of."""

import io
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from scipy.cluster.hierarchy import linkage
from scipy.spatial import ConvexHull
from scipy.spatial.distance import cdist, squareform
from sklearn.datasets import load_sample_images

from shared.contract.params import parse_params
from shared.formats import Limits
from tests.support.weighted import pixels_of, scattered
from worker import pipeline
from worker.clustering.agglomerative.engine import MOST_DENSE, grow
from worker.color.counting import count_colors
from worker.color.points import Points
from worker.decoding.decode import decode
from worker.progress import Meter

METHODS: list[Literal["complete", "average"]] = ["complete", "average"]
CHINA = Path(load_sample_images().filenames[0])


def photograph() -> Points:
    """All 96,615 colours of scikit-learn's china.jpg, each with its pixels."""
    return count_colors(decode(CHINA.read_bytes(), Limits()).pixels).points()


def megabytes(name: str) -> float:
    """What Linux says of this process' memory."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name)) / 1024


@pytest.mark.parametrize("method", METHODS)
def test_heights_are_scipys(method: Literal["complete", "average"]) -> None:
    """Of 4,600 colours and their copies the heights are scipy's: complete to the bit, average to 1e-12."""
    points = scattered(5, 4600, most=2)
    assert len(points) > MOST_DENSE
    expected = linkage(pixels_of(points), method)[points.pixels - len(points) :, 2]
    found = grow(points, method, Meter()).merges.heights
    np.testing.assert_allclose(found, expected, rtol=0 if method == "complete" else 1e-12)


@pytest.mark.parametrize("method", METHODS)
def test_threads_change_nothing(method: Literal["complete", "average"]) -> None:
    """One thread and three give the same bytes, with all the ties that a photograph has."""
    points = count_colors(decode(CHINA.read_bytes(), Limits()).pixels[::5, ::5]).points()
    assert len(points) > MOST_DENSE
    one, three = (grow(points, method, Meter(threads=threads)).merges for threads in (1, 3))
    assert [array.tobytes() for array in one] == [array.tobytes() for array in three]


def test_a_photograph_in_full() -> None:
    """The pipeline clusters all 96,615 colours of china.jpg. The last merges are at the greatest distances there are.

    The witness is the convex hull: the two points of two sets that are farthest apart are corners of their hulls.
    """
    params = parse_params({"algorithm": "agglomerative", "linkage": "complete", "n_clusters": 9})
    outcome = pipeline.run(CHINA.read_bytes(), params, lambda *_: True, limits=Limits())
    heights = np.array(outcome.result.model_dump()["quality"]["last_heights"])
    raster = decode(CHINA.read_bytes(), Limits()).pixels
    labels = np.load(io.BytesIO(outcome.files["labels.npy"]))
    corners = []
    for cluster in range(9):
        own = raster[labels == cluster].astype(np.float64)
        corners.append(own[ConvexHull(own).vertices])
    apart = np.array([[cdist(one, other).max() for other in corners] for one in corners])
    assert np.diag(apart).max() == heights[-9]
    np.fill_diagonal(apart, 0.0)
    np.testing.assert_array_equal(heights[-8:], linkage(squareform(apart), "complete")[:, 2])


def test_the_heights_of_a_photograph_are_means_of_all_pairs() -> None:
    """Average linkage of the same: each of fifty heights is the mean over the pairs of pixels of its two parts."""
    points = photograph()
    tree = grow(points, "average", Meter())
    size, parts, heights, pixels = len(points), *tree.merges
    assert size == 96_615
    coords, weights = points.coords[tree.order], points.weights[tree.order]
    sizes = np.concatenate([points.weights[tree.order], pixels])[parts]
    checked = np.flatnonzero((sizes.min(axis=1) >= 50) & (sizes.max(axis=1) <= 1000))[-50:]
    assert checked[0] >= size - MOST_DENSE
    for merge in checked:
        one, other = (leaves(parts, cluster) for cluster in parts[merge])
        total = weights[one] @ cdist(coords[one], coords[other]) @ weights[other]
        np.testing.assert_allclose(heights[merge], total / sizes[merge].prod(), rtol=1e-12)


def leaves(parts: np.ndarray, cluster: int) -> list[int]:
    """The points of a cluster."""
    size, found, open_ = len(parts) + 1, [], [cluster]
    while open_:
        each = open_.pop()
        if each < size:
            found.append(each)
        else:
            open_ += parts[each - size].tolist()
    return found


@pytest.mark.parametrize("method", METHODS)
def test_memory_is_linear(method: Literal["complete", "average"]) -> None:
    """30,000 colours take 100 MB at most; all their distances would be 3.6 GB."""
    points = scattered(6, 30_000)
    before = megabytes("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # forgets the peak so far
    grow(points, method, Meter())
    assert megabytes("VmHWM") - before <= 100
