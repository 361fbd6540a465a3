"""What the colours and pixels of a cluster say of it."""

import numpy as np
import pytest

from tests.support.images import noise
from worker.color.counting import count_colors
from worker.color.points import Points
from worker.progress import Meter, Stopped
from worker.quality import members
from worker.quality.members import choose, positions, spreads


def test_medoid_and_mode_are_the_clusters_own_colours() -> None:
    """Nearest to the centre and most frequent, by a plain search over each cluster's colours."""
    colors = count_colors(noise(40, 50))
    points = colors.points("oklab")
    labels = (np.arange(len(points)) % 4 - 1).astype(np.int32)
    centers = points.means(labels, 3)
    counts = np.random.default_rng(1).integers(1, 99, len(points))
    chosen = choose(points, counts, labels, centers)
    for j in range(3):
        own = np.flatnonzero(labels == j)
        away = np.square(points.coords[own] - centers[j]).sum(axis=1)
        assert chosen.medoids[j] == own[np.argmin(away)]
        assert counts[chosen.modes[j]] == counts[own].max()
        assert labels[chosen.modes[j]] == j


def test_among_equals_the_first_in_raster_order_is_taken() -> None:
    """Two colours as near, or as frequent: the one whose first pixel comes first, however they are ordered."""
    coords = np.array([[0.0, 0, 0], [2, 0, 0], [4, 0, 0], [9, 9, 9]])
    for first in ([7, 3, 5, 0], [3, 7, 5, 0]):
        points = Points(coords, np.array([6, 6, 2, 1]), np.array(first))
        labels = np.array([0, 0, 0, -1], np.int32)
        chosen = choose(points, points.weights, labels, np.array([[1.0, 0, 0]]))
        assert chosen.medoids[0] == chosen.modes[0] == (1 if first[1] < first[0] else 0)


def test_a_cluster_without_a_colour_has_none() -> None:
    """-1 for its medoid and mode, no spread, no place."""
    points = Points(np.zeros((1, 3)), np.ones(1, np.int64), np.zeros(1, np.int64))
    labels = np.array([1], np.int32)
    chosen = choose(points, points.weights, labels, np.zeros((3, 3)))
    np.testing.assert_array_equal(chosen.medoids, [-1, 0, -1])
    np.testing.assert_array_equal(chosen.modes, [-1, 0, -1])
    np.testing.assert_array_equal(np.isnan(spreads(np.zeros(1), points.weights, labels, 3)), [True, False, True])
    np.testing.assert_array_equal(np.isnan(positions(np.array([[1, -1]], np.int16), 3, Meter())[:, 0]), [1, 0, 1])


def test_the_spread_is_the_root_mean_square_over_the_pixels() -> None:
    """A colour counts as often as it has pixels; noise is in no cluster."""
    differences = np.array([3.0, 4.0, np.nan, 2.0])
    found = spreads(differences, np.array([1, 3, 9, 5]), np.array([0, 0, -1, 1], np.int32), 2)
    assert found.tolist() == pytest.approx([np.sqrt((9 + 3 * 16) / 4), 2.0])


@pytest.mark.parametrize("dtype", [np.int16, np.int32])
@pytest.mark.parametrize("shape", [(1, 1), (3, 7), (130, 90), (1, 400), (400, 1)])
def test_a_position_is_the_mean_of_pixels_middles(shape: tuple[int, int], dtype: type) -> None:
    """In fractions of width and height, for scattered labels and for long runs of one."""
    random = np.random.default_rng(shape[0])
    for most in (5, 40):
        runs = np.repeat(random.integers(-2, 4, shape[0] * shape[1]), random.integers(1, most, shape[0] * shape[1]))
        labels = runs[: shape[0] * shape[1]].reshape(shape).astype(dtype)
        found = positions(labels, 4, Meter())
        for j in range(4):
            y, x = np.nonzero(labels == j)
            if len(x):
                assert found[j].tolist() == pytest.approx([(x.mean() + 0.5) / shape[1], (y.mean() + 0.5) / shape[0]])


def test_the_number_of_threads_changes_no_position(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sums are whole numbers: one thread, three, or no other one give the same bits."""
    labels = np.random.default_rng(0).integers(-2, 9, (97, 61)).astype(np.int16)
    here = positions(labels, 9, Meter())
    monkeypatch.setattr(members, "_WORTH_THREADS", 0)
    for threads in (1, 3, 200):
        np.testing.assert_array_equal(positions(labels, 9, Meter(threads=threads)), here)


def test_a_report_can_stop_the_pass_over_the_map(monkeypatch: pytest.MonkeyPatch) -> None:
    """When the report answers no, Stopped is raised."""
    monkeypatch.setattr("worker.progress.POLL_SECONDS", 1e-4)
    with pytest.raises(Stopped):
        positions(np.random.default_rng(0).integers(0, 9, (4000, 2000)).astype(np.int16), 9, Meter(lambda _: False))
