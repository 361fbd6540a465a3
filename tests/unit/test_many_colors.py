"""Complete and average linkage of more colours than all distances are taken of at once."""

import io
from collections.abc import Callable, Iterator
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
from worker.clustering import cluster
from worker.clustering.agglomerative.engine import MOST_AT_ONCE, Merges, forest_of, grow, pairwise_linkage
from worker.color.counting import count_colors
from worker.color.points import Points
from worker.decoding.decode import decode
from worker.kernels.forest import ID, NONE
from worker.kernels.linkage import contiguous, members_of, merge, nearest, scratch_of
from worker.progress import Meter

METHODS: list[Literal["complete", "average"]] = ["complete", "average"]
CHINA = Path(load_sample_images().filenames[0])


def photograph(step: int) -> Points:
    """The colours of every `step`-th pixel of scikit-learn's china.jpg, in each direction."""
    points = count_colors(decode(CHINA.read_bytes(), Limits()).pixels[::step, ::step]).points()
    assert len(points) > MOST_AT_ONCE
    return points


def megabytes(name: str) -> float:
    """What Linux says of this process' memory."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name)) / 1024


@pytest.mark.parametrize("method", METHODS)
def test_heights_are_scipys(method: Literal["complete", "average"]) -> None:
    """Of 2,000 colours, some of them repeated, the heights are scipy's: complete to the bit, average to 1e-12."""
    points = scattered(5, 2000, most=3)
    order = np.argsort(points.first)
    found = pairwise_linkage(points.coords[order], points.weights[order], method == "average", Meter(), most=300)
    expected = linkage(pixels_of(points), method)[points.pixels - len(points) :, 2]
    np.testing.assert_allclose(found.heights, expected, rtol=0 if method == "complete" else 1e-12)


def across_a_plane(random: np.random.Generator) -> np.ndarray:
    """Points of a plane, and pairs on both sides of it: each is as far from one of a pair as from the other."""
    coords = 255 * random.random((400, 3)) * [1, 1, 0]
    coords[:58, 2] = 2.5 * random.random(58)
    coords[58:116] = coords[:58] * [1, 1, -1]
    return coords


def on_a_line(random: np.random.Generator) -> np.ndarray:
    return 255 * random.random((400, 1)) * [1.0, 0.5, 0.25]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("shape", [across_a_plane, on_a_line])
def test_every_cluster_finds_its_nearest(shape: Callable[[np.random.Generator], np.ndarray], method: str) -> None:
    """After some merges each cluster finds the nearest other one, where bounds of distances touch what they bound.

    A dendrogram would hide most of what a search misses: the other one of the two finds it.
    """
    average = method == "average"
    for seed in range(20):
        random = np.random.default_rng(seed)
        coords, weights = shape(random), random.integers(1, 4, 400)
        members, forest = members_of(coords, weights, 58), forest_of(coords, weights, Meter())
        forest.keys[:] = 0.0
        merge(forest, members, average, np.empty((58, 2), np.int64), np.empty(58), np.zeros(2, np.int64))
        places = np.flatnonzero(forest.links[:, ID] != NONE)
        assert len(places) == 400 - 58
        order, starts = contiguous(members.first[forest.links[places, ID]], members)
        apart = all_distances(coords[order], weights[order].astype(np.float64), starts[:-1], average)
        np.fill_diagonal(apart, np.inf)
        scratch = scratch_of(forest, members)
        found = [nearest(forest, members, int(place), average, scratch)[0] for place in places]
        np.testing.assert_allclose(np.sqrt(found), apart.min(axis=1), rtol=1e-12)


def all_distances(coords: np.ndarray, weights: np.ndarray, starts: np.ndarray, average: bool) -> np.ndarray:
    """The distances of all clusters, of which each has the points from its start on to the next one's."""
    pairs = cdist(coords, coords)
    if not average:
        return np.maximum.reduceat(np.maximum.reduceat(pairs, starts), starts, axis=1)
    sums = np.add.reduceat(np.add.reduceat(pairs * weights[:, np.newaxis] * weights, starts), starts, axis=1)
    pixels = np.add.reduceat(weights, starts)
    return np.asarray(sums / pixels[:, np.newaxis] / pixels)


def moments(merges: Merges, chosen: set[int]) -> Iterator[tuple[int, list[np.ndarray], np.ndarray]]:
    """Each of the chosen merges, the points of its two parts, and the cluster i64[U] of each point just before it."""
    size = len(merges.heights) + 1
    members: dict[int, np.ndarray] = {point: np.array([point]) for point in range(size)}
    standing = np.arange(size)
    for i, (one, other) in enumerate(merges.parts.tolist()):
        parts = [members.pop(one), members.pop(other)]
        if i in chosen:
            yield i, parts, standing
        members[size + i] = np.concatenate(parts)
        standing[members[size + i]] = size + i


@pytest.mark.parametrize("method", METHODS)
def test_no_other_cluster_was_nearer(method: Literal["complete", "average"]) -> None:
    """Of 20,000 colours of a photograph, full of ties: two that merge are at their height, and nearest to each other.

    Judged by all distances of the two parts' points, for sixty of the merges from the first to the last ones.
    Pairs nearest to each other, merged at rising heights, are the dendrogram (Bruynooghe 1978).
    """
    every = photograph(2)
    chosen = np.random.default_rng(3).choice(len(every), 20_000, replace=False)
    points = Points(every.coords[chosen], every.weights[chosen], every.first[chosen])
    tree = grow(points, method, Meter())
    coords, weights = points.coords[tree.order], points.weights[tree.order].astype(np.float64)
    heights = tree.merges.heights
    assert (np.diff(heights) >= 0).all()
    sample = {int(20_000 - 20_000 * share**2) - 1 for share in np.linspace(0.03, 0.99, 60)}
    for i, parts, standing in moments(tree.merges, sample):
        ids = standing[[part[0] for part in parts]]
        for part, (own, other) in zip(parts, (ids, ids[::-1]), strict=True):
            apart = to_each(coords, weights, part, standing, method)
            assert apart.pop(other) == pytest.approx(heights[i], rel=1e-12)
            del apart[own]
            assert min(apart.values()) >= heights[i] * (1 - 1e-12)


def to_each(
    coords: np.ndarray, weights: np.ndarray, part: np.ndarray, standing: np.ndarray, method: str
) -> dict[int, float]:
    """The distance of one cluster's points to each cluster that stands."""
    ids, cluster_of = np.unique(standing, return_inverse=True)
    pairs = cdist(coords[part], coords)
    if method == "complete":
        apart = np.zeros(len(ids))
        np.maximum.at(apart, cluster_of, pairs.max(axis=0))
    else:
        means = weights[part] @ pairs / weights[part].sum()
        apart = np.bincount(cluster_of, means * weights) / np.bincount(cluster_of, weights)
    return dict(zip(ids.tolist(), apart.tolist(), strict=True))


@pytest.mark.parametrize("method", METHODS)
def test_threads_change_nothing(method: Literal["complete", "average"]) -> None:
    """One thread and three give the same bytes, with all the ties that a photograph has."""
    points = photograph(4)
    one, three = (grow(points, method, Meter(threads=threads)).merges for threads in (1, 3))
    assert [array.tobytes() for array in one] == [array.tobytes() for array in three]


def test_copies_of_an_image_change_nothing_of_complete_linkage() -> None:
    """How often a colour comes decides nothing, ties included."""
    points = photograph(4)
    even = Points(points.coords, np.ones(len(points), np.int64), points.first)
    one, other = (grow(each, "complete", Meter()).merges for each in (points, even))
    assert one.parts.tobytes() == other.parts.tobytes()
    assert one.heights.tobytes() == other.heights.tobytes()


def test_a_photograph_in_full() -> None:
    """The pipeline clusters all 96,615 colours of china.jpg. The last merges are at the greatest distances there are.

    The witness is the convex hull: the two points of two sets that are farthest apart are corners of their hulls.
    """
    params = parse_params({"algorithm": "agglomerative", "linkage": "complete", "n_clusters": 9})
    outcome = pipeline.run(CHINA.read_bytes(), params, lambda *_: True, limits=Limits())
    assert outcome.result.image.unique_colors == 96_615
    heights = np.array(outcome.result.model_dump()["quality"]["last_heights"])
    raster = decode(CHINA.read_bytes(), Limits()).pixels
    labels = np.load(io.BytesIO(outcome.files["labels.npy"]))
    corners = []
    for label in range(9):
        own = raster[labels == label].astype(np.float64)
        corners.append(own[ConvexHull(own).vertices])
    apart = np.array([[cdist(one, other).max() for other in corners] for one in corners])
    assert np.diag(apart).max() == heights[-9]
    np.fill_diagonal(apart, 0.0)
    np.testing.assert_array_equal(heights[-8:], linkage(squareform(apart), "complete")[:, 2])


def test_memory_is_linear() -> None:
    """30,000 colours take 100 MB at most; all their distances would be 3.6 GB."""
    points = scattered(6, 30_000)
    before = megabytes("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # forgets the peak so far
    cluster(points, parse_params({"algorithm": "agglomerative", "linkage": "average"}))
    assert megabytes("VmHWM") - before <= 100
