"""The silhouette's edges: what is undefined, what is alone, threads, stops, and when it is a sample."""

import numpy as np
import pytest

from tests.support.labelled import in_fifths, nearest_of, silhouettes_of, summed, with_noise
from tests.support.weighted import photograph, scattered
from worker import progress
from worker.color.points import Points
from worker.progress import Meter, Stopped
from worker.quality import labelings, silhouette
from worker.quality.labelings import label
from worker.quality.silhouette import silhouettes


def points_at(*places: tuple[float, float, float], weights: tuple[int, ...]) -> Points:
    return Points(np.array(places, np.float64), np.array(weights), np.arange(len(places)))


def test_one_cluster_has_no_silhouette() -> None:
    """Where there is no other cluster the value is None, beside labellings that have one."""
    points = scattered(1, 40)
    one, two = np.zeros(40, np.int32), nearest_of(points, 2)
    assert silhouettes_of(points, one)[0].value is None
    first, second, third = silhouettes_of(points, one, two, one)
    assert first.value is third.value is None
    assert second.value == silhouettes_of(points, two)[0].value


def test_all_noise_has_no_silhouette() -> None:
    """Nothing is clustered, nothing is measured."""
    points = scattered(1, 40)
    assert silhouettes(*_empty(points), Meter())[0].value is None


def _empty(points: Points) -> tuple[labelings.Labelled, labelings.Sums]:
    labelled = label(points, [np.full(len(points), -1, np.int32)], [3])
    return labelled, labelings.add_up(labelled, Meter())


def test_a_pixel_alone_in_its_cluster_has_0() -> None:
    """Two far pixels, each a cluster: 0; where one has a twin, that pair has 1 and the other 0."""
    apart = ((0.0, 0.0, 0.0), (9.0, 0.0, 0.0))
    labels = np.array([0, 1], np.int32)
    assert silhouettes_of(points_at(*apart, weights=(1, 1)), labels)[0].value == 0
    assert silhouettes_of(points_at(*apart, weights=(2, 1)), labels)[0].value == pytest.approx(2 / 3)


def test_equal_colours_in_two_clusters_have_0() -> None:
    """Where all distances are 0, no cluster is nearer."""
    same = points_at((5, 5, 5), (5, 5, 5), weights=(3, 4))
    assert silhouettes_of(same, np.array([0, 1], np.int32))[0].value == 0


def test_empty_clusters_change_nothing() -> None:
    """Numbers that no point has, first, last or between, are nobody's neighbour."""
    points = scattered(3, 60)
    labels = nearest_of(points, 4)
    sparse = np.array([1, 2, 5, 6], np.int32)[labels]
    labelled = label(points, [sparse], [9])
    found = silhouettes(labelled, labelings.add_up(labelled, Meter()), Meter())[0]
    assert found == silhouettes_of(points, labels)[0]


def test_the_unit_changes_nothing() -> None:
    """Pixels counted in fifths have the same silhouette, and as many of them are measured."""
    points = scattered(5, 80)
    labels = nearest_of(points, 5)
    one, five = silhouettes_of(points, labels)[0], silhouettes_of(in_fifths(points), labels)[0]
    assert five.value == pytest.approx(one.value, abs=1e-12)
    assert five.sample == one.sample


@pytest.mark.parametrize("exact_colors", [10**6, 1])
def test_the_number_of_threads_changes_no_bit(exact_colors: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exact or a sample, the values are equal to the last bit on one thread and on three, and each time."""
    monkeypatch.setattr(silhouette, "_WORTH_THREADS", 0)
    monkeypatch.setattr(labelings, "_WORTH_THREADS", 0)
    monkeypatch.setattr(labelings, "_PIECE", 200)
    points = photograph(60, 40, "lab")
    labels = [with_noise(nearest_of(points, clusters)) for clusters in (2, 5, 8)]
    answers = [
        silhouettes(*summed(points, *labels, threads=threads), Meter(threads=threads), exact_colors, sample=200)
        for threads in (1, 3, 1)
    ]
    assert answers[0] == answers[1] == answers[2]
    assert answers[0][0].exact == (exact_colors > 1)


def test_more_colours_than_can_be_compared_are_sampled() -> None:
    """One colour more than the limit makes it a sample; its size falls with the number of colours, and is even."""
    keys = np.random.default_rng(0).choice(1 << 24, silhouette.EXACT_COLORS + 1, replace=False)
    coords = np.column_stack([keys >> 16, keys >> 8 & 255, keys & 255]).astype(np.float64)
    points = Points(coords, np.ones(len(keys)), np.arange(len(keys)))
    (found,) = silhouettes(*summed(points, nearest_of(points, 3)), Meter())
    assert not found.exact
    assert found.sample == 2048
    assert 0 < found.error < 1e-3
    assert silhouette.sample_size(1 << 20) == 1024
    assert silhouette.sample_size(1 << 24) == 512


def test_a_report_can_stop_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """When the report answers no, Stopped is raised before all is measured."""
    monkeypatch.setattr(progress, "POLL_SECONDS", 0.001)
    points = photograph(160, 107)
    arguments = summed(points, nearest_of(points, 2))
    heard: list[float] = []

    def report(fraction: float) -> bool:
        heard.append(fraction)
        return fraction < 0.1

    with pytest.raises(Stopped):
        silhouettes(*arguments, Meter(report))
    assert 0.1 <= heard[-1] < 0.9
    assert heard == sorted(heard)
