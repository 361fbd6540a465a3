"""OPTICS: the automatic extraction, the smallest cases, threads, progress."""

import numpy as np
import pytest

from shared.contract.errors import InvalidParams
from shared.contract.params import OpticsParams, parse_params
from tests.support.weighted import lattice, photograph, scattered
from worker.clustering import NOISE, Clustering, Stopped, cluster
from worker.clustering.optics.details import OpticsDetails
from worker.clustering.optics.engine import neighbors_of
from worker.color.counting import count_colors
from worker.color.points import Points
from worker.kernels import DONE, STOP, kdtree, optics
from worker.progress import Meter

METHODS = [{"cluster_method": "auto"}, {"cluster_method": "xi"}, {"cluster_method": "dbscan", "eps": 3.0}]


def ordered(points: Points, threads: int | None = None, **params: object) -> tuple[Clustering, OpticsDetails]:
    clustering = cluster(points, OpticsParams(**params), threads=threads)
    assert isinstance(clustering.details, OpticsDetails)
    return clustering, clustering.details


def points_of(coords: list[list[float]], weights: list[int]) -> Points:
    return Points(np.array(coords, np.float64), np.array(weights), np.arange(len(weights)))


def balls(seed: int, centers: list[list[int]], pixels: int) -> np.ndarray:
    """Pixels u8[1, n, 3] spread by 3 around each centre."""
    random = np.random.default_rng(seed)
    return np.concatenate([random.normal(c, 3, (pixels, 3)) for c in centers]).clip(0, 255).astype(np.uint8)[None]


SMALLEST = {
    "one pixel": points_of([[9, 8, 7]], [1]),
    "one colour": points_of([[9, 8, 7]], [5000]),
    "two pixels": points_of([[0, 0, 0], [255, 255, 255]], [1, 1]),
    "two colours": points_of([[0, 0, 0], [255, 255, 255]], [700, 300]),
    "one colour has 99 %": points_of([[0, 0, 0], *([200, i, 0] for i in range(100))], [9900, *[1] * 100]),
    "all equally heavy": lattice(3, 200),
    "gradient": points_of([[i, i, i] for i in range(256)], [4] * 256),
    "scan": points_of([[0, 0, 0], [255, 255, 255], [254, 255, 255]], [90_000, 900_000, 10_000]),
}


@pytest.mark.parametrize("params", METHODS, ids=lambda params: params["cluster_method"])
@pytest.mark.parametrize("case", SMALLEST)
def test_the_smallest_cases(case: str, params: dict[str, object]) -> None:
    """Degenerate images give labels without gaps, finite centres, and reachabilities that are numbers."""
    points = SMALLEST[case]
    result, details = ordered(points, **params)
    assert sorted(set(result.labels) - {NOISE}) == list(range(len(result.centers)))
    assert np.isfinite(result.centers).all()
    assert not np.isnan(details.reachability).any()
    assert sorted(details.ordering) == list(range(len(points)))


@pytest.mark.parametrize("case", ["one pixel", "one colour", "gradient"])
def test_what_does_not_part_is_one_cluster(case: str) -> None:
    """The automatic extraction calls an image of one colour, or of one smooth ramp, one cluster and not noise."""
    result, _ = ordered(SMALLEST[case])
    assert not result.labels.any()


def test_black_and_white_are_two_clusters() -> None:
    """A scan gives paper, with its shades, and ink."""
    result, _ = ordered(SMALLEST["scan"])
    assert result.labels[0] != result.labels[1] == result.labels[2]


def test_the_automatic_extraction_finds_separate_colours() -> None:
    """Six clouds of pixels and a sprinkle of others give six clusters, whose centres are the clouds'."""
    centers = [[40, 40, 40], [200, 40, 40], [40, 200, 40], [40, 40, 200], [200, 200, 40], [120, 120, 120]]
    sprinkle = np.random.default_rng(1).integers(0, 256, (1, 300, 3), np.uint8)
    image = np.concatenate([balls(2, centers, 1500), sprinkle], axis=1)
    result, details = ordered(count_colors(image).points())
    found = result.centers[np.lexsort(result.centers.round(-1).T)]
    expected = np.array(centers, np.float64)[np.lexsort(np.array(centers).T)]
    np.testing.assert_allclose(found, expected, atol=2)
    assert (details.heights > 5).all()
    assert "excess of mass" in details.summary()["criterion"]


@pytest.mark.parametrize("engine", ["exact", "reference"])
def test_copies_that_part_where_they_join_their_neighbour_are_no_valley(engine: str) -> None:
    """A colour of few pixels is not a cluster of its own beside the dense one that makes it dense, on pixels or not."""
    points = points_of([[0, 0, 0], [100, 0, 0], [250, 0, 0]], [20, 40, 40])
    params = OpticsParams(min_samples=30, min_cluster_size=10, engine=engine)
    assert cluster(points, params).labels.tolist() == [0, 0, 1]


def test_the_hierarchy_holds_the_labelled_clusters() -> None:
    """Each labelled cluster of the automatic extraction is a stretch of the plot that the hierarchy lists."""
    result, details = ordered(photograph(90, 60))
    assert len(result.centers) >= 2
    for label in range(len(result.centers)):
        runs = np.flatnonzero(result.labels[details.plot.point] == label)
        assert [details.plot.starts[runs[0]], details.plot.starts[runs[-1] + 1] - 1] in details.hierarchy.tolist()


def test_nothing_within_reach_is_noise() -> None:
    """With max_eps below all distances and single pixels there is no cluster."""
    result, details = ordered(scattered(1, 50, most=1), max_eps=1e-6)
    assert (result.labels == NOISE).all()
    assert np.isinf(details.core_distances).all()
    assert result.centers.shape == (0, 3)


def assert_walk(points: Points, details: OpticsDetails) -> None:
    """Every colour once, each from one before it over max(core distance, distance), and none from nowhere."""
    size = len(points)
    visit = np.empty(size, np.int64)
    visit[details.ordering] = np.arange(size)
    assert np.array_equal(details.ordering[visit], np.arange(size))
    source = details.predecessor
    assert np.flatnonzero(source < 0).tolist() == [np.argmin(points.first)] == [details.ordering[0]]
    reached = np.flatnonzero(source >= 0)
    source = source[reached]
    assert (visit[source] < visit[reached]).all()
    step = np.linalg.norm(points.coords[source] - points.coords[reached], axis=1)
    expected = np.maximum(details.core_distances[source], step)
    np.testing.assert_allclose(details.reachability[reached], expected, rtol=1e-12)


def test_a_quarter_million_random_colours() -> None:
    """Nearly 2^18 random colours are walked through, each over the step that it says."""
    random = np.random.default_rng(18)
    image = random.integers(0, 256, (512, 512, 3), np.uint8)
    points = count_colors(image).points()
    assert len(points) > 250_000
    result, details = ordered(points, min_samples=10)
    assert_walk(points, details)
    assert np.isfinite(result.centers).all()


def test_a_smooth_gradient_is_one_cluster() -> None:
    """In a plane of 65,536 colours, all steps alike, there is nothing to part."""
    across, down = np.meshgrid(np.arange(256), np.arange(256))
    points = count_colors(np.stack([across, down, across // 2 + down // 2], axis=-1).astype(np.uint8)).points()
    result, details = ordered(points, min_samples=9)
    assert_walk(points, details)
    assert len(points) == 1 << 16
    assert not result.labels.any()


def test_a_scan_is_ink_and_paper() -> None:
    """A scanned page, with sensor noise and the greys of the letters' edges, gives two clusters: black and white."""
    random = np.random.default_rng(5)
    ink = random.random((900, 700)) < 0.08
    grey = np.where(ink, 8, 247) + random.normal(0, 2, ink.shape)
    edge = random.random(ink.shape) < 0.01
    grey = np.where(edge, random.integers(0, 256, ink.shape), grey)
    points = count_colors(np.repeat(grey.clip(0, 255).astype(np.uint8)[..., None], 3, axis=2)).points()
    result, details = ordered(points)
    assert_walk(points, details)
    assert sorted(result.centers[:, 0].round(-1).tolist()) == [10, 250]


@pytest.mark.parametrize("space", ["rgb", "oklab"])
def test_threads_change_no_byte(space: str) -> None:
    """One thread and three give the same labels, ordering and reachabilities."""
    points = photograph(60, 40, space)
    one, details_of_one = ordered(points, 1)
    three, details_of_three = ordered(points, 3)
    assert one.labels.tobytes() == three.labels.tobytes()
    assert one.centers.tobytes() == three.centers.tobytes()
    assert details_of_one.plot.point.tobytes() == details_of_three.plot.point.tobytes()
    assert details_of_one.reachability.tobytes() == details_of_three.reachability.tobytes()


def test_progress_rises_and_a_stop_is_obeyed() -> None:
    """The fraction never falls and ends at 1; once the report says no, it is not asked again."""
    points = scattered(4, 60_000)
    told: list[float] = []
    cluster(points, OpticsParams(min_samples=20), lambda fraction: told.append(fraction) or True)
    assert told == sorted(told)
    assert told[-1] == 1.0
    asked: list[float] = []
    with pytest.raises(Stopped):
        cluster(points, OpticsParams(min_samples=20), lambda fraction: asked.append(fraction) or fraction < 0.45)
    assert [fraction >= 0.45 for fraction in asked].count(True) == 1


@pytest.mark.parametrize("greys", [30, 97, 256])
def test_a_plot_that_is_level_does_not_part_by_rounding(greys: int) -> None:
    """Greys at equal distances, equally heavy, are one cluster by `auto`, standardised or not."""
    image = np.repeat(np.arange(greys, dtype=np.uint8)[None, :, None], 3, axis=2).repeat(9, axis=0)
    for standardize in (False, True):
        points = count_colors(image).points("rgb", standardize)
        clustering, details = ordered(points, min_samples=9, min_cluster_size=18)
        assert not clustering.labels.any()
        assert len(details.hierarchy) == 1


def test_the_walk_gives_up_when_told_to() -> None:
    """A walk that finds the wish to stop leaves most points unvisited."""
    points = scattered(5, 5_000)
    tree = kdtree.build(points.coords.copy(), points.weights.copy(), 16, np.zeros(2, np.int64))
    cores = np.zeros(len(points))
    neighbors = neighbors_of(tree, cores, Meter())
    progress = np.zeros(2, np.int64)
    progress[STOP] = 1
    optics.walk(optics.gather(tree), cores, neighbors, np.inf, progress)
    assert progress[DONE] < 1_000


@pytest.mark.parametrize(
    ("params", "message"),
    [({"cluster_method": "dbscan"}, "give eps or max_eps"), ({"max_eps": 2.0, "eps": 3.0}, "at most max_eps")],
)
def test_a_cut_needs_a_height(params: dict[str, object], message: str) -> None:
    """A cut without a height, or with one above max_eps, is refused."""
    with pytest.raises(InvalidParams, match=message):
        parse_params({"algorithm": "optics", **params})
