"""HDBSCAN on the smallest and the oddest of images, its threads, its progress, and its defaults."""

import numpy as np
import pytest
from sklearn.datasets import load_sample_image

from shared.contract.params import HdbscanParams
from tests.support.weighted import photograph, scattered
from worker.clustering import Stopped, cluster
from worker.clustering.hdbscan import sizes
from worker.color.counting import count_colors
from worker.color.points import Points


def patches(colors: list[tuple[int, int, int]], pixels: list[int], spread: int = 0) -> Points:
    """Each colour and, `spread` steps around it on each axis, its neighbours; the given pixels on each."""
    steps = np.stack(np.meshgrid(*[np.arange(-spread, spread + 1)] * 3), axis=-1).reshape(-1, 3)
    coords = (np.array(colors)[:, None] + steps[None]).reshape(-1, 3).astype(np.float64)
    weights = np.repeat(pixels, len(steps))
    return Points(coords, weights, np.arange(len(coords)))


DEGENERATE = {
    "one pixel": patches([(7, 7, 7)], [1]),
    "two pixels": patches([(7, 7, 7), (9, 9, 9)], [1, 1]),
    "one colour": patches([(7, 7, 7)], [5000]),
    "two colours": patches([(0, 0, 0), (255, 255, 255)], [4000, 1000]),
    "black and white": patches([(0, 0, 0), (1, 1, 1), (255, 255, 255)], [60_000, 1, 200_000]),
    "99 % of one colour": patches([(7, 7, 7), (90, 0, 0), (0, 90, 0), (0, 0, 90)], [99_000, 300, 300, 400]),
    "a gradient": Points(np.repeat(np.arange(256.0)[:, None], 3, axis=1), np.full(256, 9), np.arange(256)),
    "all equally heavy": scattered(0, 500, most=1),
}


@pytest.mark.parametrize("epsilon", [0.0, 5.0])
@pytest.mark.parametrize("single", [False, True])
@pytest.mark.parametrize("method", ["auto", "eom", "leaf", "plscan"])
@pytest.mark.parametrize("image", DEGENERATE)
def test_degenerate_images_give_finite_answers(image: str, method: str, single: bool, epsilon: float) -> None:
    """No warning and no NaN: every number is finite, every label in range, every cluster has a centre."""
    points = DEGENERATE[image]
    options = {"cluster_selection_method": method, "cluster_selection_epsilon": epsilon}
    found = cluster(points, HdbscanParams(allow_single_cluster=single, **options))
    details = found.details
    assert found.labels.shape == (len(points),)
    assert set(found.labels[found.labels >= 0]) == set(range(len(found.centers)))
    for values in (found.centers, details.heights, details.persistence, details.condensed.stability):
        assert np.isfinite(values).all()
    for share in (details.probabilities, details.outlier_scores):
        assert ((share >= 0) & (share <= 1 + 1e-12)).all()


def test_two_heavy_colours_are_two_clusters() -> None:
    """A colour whose count alone reaches min_cluster_size is a cluster, with all its weight."""
    found = cluster(DEGENERATE["two colours"], HdbscanParams())
    assert found.labels.tolist() == [0, 1]
    assert found.centers.tolist() == [[0, 0, 0], [255, 255, 255]]


def test_one_colour_is_noise_unless_one_cluster_may_be_the_answer() -> None:
    """As in the package, a lone cluster is only found on demand."""
    points = DEGENERATE["one colour"]
    assert cluster(points, HdbscanParams()).labels.tolist() == [-1]
    assert cluster(points, HdbscanParams(allow_single_cluster=True)).labels.tolist() == [0]


@pytest.mark.parametrize("engine", ["exact", "reference"])
@pytest.mark.parametrize("name", ["min_cluster_size", "min_samples"])
def test_counts_beyond_all_pixels(name: str, engine: str) -> None:
    """The largest counts that JSON can say, which no 64 bits with a sign hold, mean more pixels than there are."""
    points = scattered(1, 30, most=1)
    found = cluster(points, HdbscanParams(**{name: 2**64 - 1, "engine": engine}))
    assert (found.labels == -1).all()


def test_a_heavy_colour_does_not_discard_what_is_around_it() -> None:
    """Infinite density would make the colour beat its cluster; the resolution keeps the two together."""
    points = patches([(50, 50, 50), (200, 200, 200)], [3, 3], spread=1)
    weights = points.weights.copy()
    weights[13] = 5000  # the middle of the first patch
    found = cluster(Points(points.coords, weights, points.first), HdbscanParams(min_samples=5, min_cluster_size=20))
    assert found.labels.tolist() == [0] * 27 + [1] * 27


@pytest.mark.parametrize("space", ["rgb", "lab", "oklab"])
def test_patches_are_found_in_every_space(space: str) -> None:
    """Twelve patches with a little noise of the camera are twelve clusters, whatever the space, standardised or not."""
    random = np.random.default_rng(4)
    image = np.kron(random.permutation(12).reshape(3, 4) * 20 + 10, np.ones((40, 40), int))
    pixels = np.stack([image, (image * 7) % 256, 255 - image], axis=2) + random.integers(-2, 3, (120, 160, 3))
    colors = count_colors(np.clip(pixels, 0, 255).astype(np.uint8))
    for standardize in (False, True):
        found = cluster(colors.points(space, standardize), HdbscanParams())
        assert len(found.centers) == 12


def test_defaults_serve_the_sample_photographs() -> None:
    """scikit-learn's two photographs, scaled down, give 2 to 30 clusters and at most 60 % noise."""
    for name in ("china.jpg", "flower.jpg"):
        points = count_colors(np.ascontiguousarray(load_sample_image(name)[::3, ::3])).points()
        found = cluster(points, HdbscanParams())
        assert 2 <= len(found.centers) <= 30
        assert points.weights[found.labels < 0].sum() <= 0.6 * points.pixels


def test_threads_change_no_byte() -> None:
    """One thread or three: equal labels, edges, heights and scores."""
    points = photograph(96, 64)
    one, three = (cluster(points, HdbscanParams(min_samples=20), threads=threads) for threads in (1, 3))
    assert one.labels.tobytes() == three.labels.tobytes()
    for name in ("edges", "heights", "probabilities", "outlier_scores", "persistence"):
        assert getattr(one.details, name).tobytes() == getattr(three.details, name).tobytes()


def test_progress_rises_to_the_end_and_a_stop_is_obeyed() -> None:
    """The reported fractions never fall and end at 1; a report that says no ends the run with Stopped."""
    points = scattered(3, 20_000)
    told: list[float] = []

    def report(fraction: float) -> bool:
        told.append(fraction)
        return True

    cluster(points, HdbscanParams(), report)
    assert told == sorted(told)
    assert told[-1] == 1.0
    with pytest.raises(Stopped):
        cluster(points, HdbscanParams(), lambda fraction: fraction < 0.3)


def test_epsilon_keeps_to_the_clusters_of_the_chosen_size() -> None:
    """Two near heaps and a small far one, which is noise at the size that is chosen: the two stay two below their
    distance, and are not one with what is none any more.
    """
    random = np.random.default_rng(5)
    heaps = [((60, 60, 60), 8, 500), ((94, 94, 60), 8, 400), ((230, 230, 230), 6, 60)]
    colors = np.concatenate([random.normal(center, spread, (size, 3)) for center, spread, size in heaps])
    points = count_colors(np.clip(np.rint(colors), 0, 255).astype(np.uint8)[None]).points()
    for epsilon in (0.0, 12.0, 20.0, 40.0):
        params = HdbscanParams(min_samples=20, min_cluster_size=20, cluster_selection_epsilon=epsilon)
        labels = cluster(points, params).labels
        pixels = np.bincount(labels[labels >= 0], points.weights[labels >= 0])
        assert len(pixels) == 2
        assert min(pixels) > 300


@pytest.mark.parametrize("method", ["auto", "plscan"])
def test_a_stop_is_obeyed_while_sizes_are_compared(method: str) -> None:
    """There may be many of them, each with many clusters: it is asked before they are looked at, each time anew."""
    points = photograph(60, 45)
    params = HdbscanParams(cluster_selection_method=method, min_cluster_size=2, min_samples=1)
    for least in (1, 2):
        asked = 0

        def goes_on(fraction: float, least: int = least) -> bool:
            nonlocal asked
            asked += 0.95 <= fraction < 0.96
            return asked <= least

        with pytest.raises(Stopped):
            cluster(points, params, goes_on)


@pytest.mark.parametrize("method", ["auto", "plscan"])
def test_sizes_in_parts_of_a_pixel_are_few(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where alpha counts, nearly each size is some cluster's: they are looked at in steps of a pixel, or of a 256th
    of the size where that is less.
    """
    random = np.random.default_rng(0)
    colors = photograph(400, 300)
    points = Points(colors.coords, random.integers(1, 256, len(colors)), colors.first, units=255)
    looked_at: list[int] = []
    enlarge = sizes.kernels.enlarge

    def noted(clusters: sizes.kernels.Clusters, size: int) -> sizes.kernels.Clusters:
        looked_at.append(size)
        return enlarge(clusters, size)

    monkeypatch.setattr(sizes.kernels, "enlarge", noted)
    cluster(points, HdbscanParams(cluster_selection_method=method, min_cluster_size=1e-9, min_samples=1))
    one_round = np.split(looked_at, np.flatnonzero(np.diff(looked_at) < 0) + 1)[0]
    assert len(one_round) > 500
    assert (np.diff(one_round) >= np.minimum(255, one_round[:-1] // 256)).all()
