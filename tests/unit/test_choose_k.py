"""How many clusters: from one preparation, measured on one curve, and the result is that of the number alone."""

from typing import Any, get_args

import numpy as np
import pytest

from shared.contract.params import AgglomerativeParams, KMeansParams
from tests.support.images import noise
from tests.support.labelled import in_fifths, summed
from tests.support.weighted import photograph, scattered
from worker import progress
from worker.clustering import Clustering, Stopped, cluster
from worker.clustering.choose_k import Selection, choose
from worker.clustering.kmeans import engine, lloyd
from worker.clustering.kmeans.details import KMeansDetails
from worker.color.counting import count_colors
from worker.color.points import Points
from worker.progress import Meter
from worker.quality import labelings, silhouette
from worker.quality.criteria import Criterion, best
from worker.quality.indices import around, indices
from worker.quality.silhouette import silhouettes

CRITERIA = (None, *get_args(Criterion))
METHODS: list[Any] = [KMeansParams(n_clusters=5), AgglomerativeParams(), AgglomerativeParams(linkage="average")]


def chosen(
    points: Points, params: Any, numbers: range, criterion: Criterion | None = None, threads: int = 2
) -> tuple[Clustering, Selection]:
    return choose(points, params, numbers, criterion, Meter(threads=threads))


@pytest.mark.parametrize("criterion", CRITERIA)
@pytest.mark.parametrize("params", METHODS, ids=str)
def test_the_result_is_that_of_the_number_alone(params: Any, criterion: Criterion | None) -> None:
    """To the last bit; and the curve names that number, whose measures in it are those of the result."""
    points = photograph(48, 32)
    clustering, selection = chosen(points, params, range(2, 13), criterion)
    alone = cluster(points, params.model_copy(update={"n_clusters": selection.chosen}))
    np.testing.assert_array_equal(clustering.labels, alone.labels)
    assert clustering.centers.tobytes() == alone.centers.tobytes()
    assert [one.n_clusters for one in selection.curve] == list(range(2, 13))

    place = selection.chosen - 2
    assert best(selection.curve, criterion)[:2] == (place, selection.criterion)
    labelled, sums = summed(points, clustering.labels)
    assert selection.curve[place].silhouette.value == pytest.approx(silhouettes(labelled, sums, Meter())[0].value)
    (expected,) = indices(labelled, sums, resolution=1.0)
    inertia = clustering.details.summary().get("inertia", expected.inertia)
    expected = around(expected, inertia, labelled.pixels, resolution=1.0)
    assert vars(selection.curve[place].indices) == pytest.approx(vars(expected), rel=1e-12)
    assert inertia == pytest.approx(expected.inertia, rel=2e-3)
    assert str(selection.chosen) in selection.reason
    assert selection.reason.endswith(".")


@pytest.mark.parametrize("params", METHODS[1:], ids=str)
def test_a_tree_is_cut_at_each_number(params: Any) -> None:
    """Every frame of a hierarchy is what the method gives for its number."""
    points = photograph(30, 20)
    _, selection = chosen(points, params, range(2, 9))
    for place, number in enumerate(range(2, 9)):
        alone = cluster(points, params.model_copy(update={"n_clusters": number}))
        np.testing.assert_array_equal(selection.frames.labels[place][selection.frames.cells], alone.labels)


@pytest.mark.parametrize("space", ["rgb", "oklab"])
def test_a_chain_ends_near_each_number_alone(space: str) -> None:
    """The inertias of KMeans' chain are those of runs of their own, to 2 % on average, and to 12 % at the worst."""
    points = photograph(120, 80, space)
    _, selection = chosen(points, KMeansParams(color_space=space), range(2, 16))
    ratios = []
    for candidate in selection.curve:
        alone = cluster(points, KMeansParams(color_space=space, n_clusters=candidate.n_clusters)).details
        assert isinstance(alone, KMeansDetails)
        ratios.append(candidate.indices.inertia / alone.inertia)
    assert max(ratios) < 1.12
    assert np.mean(ratios) < 1.02


def test_frames_have_each_colours_label_in_the_points_order() -> None:
    """Every label of a frame is in use, and colours of one label are nearer to their mean than to another's."""
    points = photograph(60, 40)
    _, selection = chosen(points, KMeansParams(), range(2, 8))
    for place, number in enumerate(range(2, 8)):
        labels = selection.frames.labels[place][selection.frames.cells]
        np.testing.assert_array_equal(np.unique(labels), np.arange(number))
        means = points.means(labels, number)
        nearest = ((points.coords[:, None] - means) ** 2).sum(axis=2).argmin(axis=1)
        assert (nearest == labels).mean() > 0.95


@pytest.mark.parametrize("params", METHODS[:2], ids=str)
@pytest.mark.parametrize("size", [1, 2, 3])
def test_fewer_colours_than_numbers(params: Any, size: int) -> None:
    """Numbers above the colours are not tried; where that leaves none, each colour is a cluster."""
    points = Points(np.array([[0.0, 0, 0], [255, 0, 0], [0, 9, 0]])[:size], np.ones(size), np.arange(size))
    for criterion in CRITERIA:
        clustering, selection = chosen(points, params, range(2, 16), criterion)
        assert [one.n_clusters for one in selection.curve] == list(range(min(2, size), size + 1))
        assert len(clustering.centers) == selection.chosen <= size
    clustering, selection = chosen(points, params, range(7, 9))
    assert selection.chosen == len(clustering.centers) == size
    assert selection.reason == f"Only {size} cluster{'s' if size > 1 else ''} could be tried."


@pytest.mark.parametrize("params", METHODS[:2], ids=str)
def test_the_number_of_threads_changes_no_bit(params: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Choice, curve, labels and centres are equal on one thread and on three."""
    for module in (lloyd, labelings, silhouette):
        monkeypatch.setattr(module, "_WORTH_THREADS", 0)
    monkeypatch.setattr(labelings, "_PIECE", 300)
    points = photograph(60, 40, "lab")
    params = params.model_copy(update={"color_space": "lab"})
    one, many = (chosen(points, params, range(2, 9), threads=threads) for threads in (1, 3))
    assert one[1].curve == many[1].curve
    assert one[1].chosen == many[1].chosen
    assert one[0].labels.tobytes() == many[0].labels.tobytes()
    assert one[1].frames.cells.tobytes() == many[1].frames.cells.tobytes()


def test_the_unit_changes_nothing() -> None:
    """Pixels counted in fifths make the same curve."""
    points = scattered(2, 200)
    one, five = (chosen(each, AgglomerativeParams(), range(2, 9))[1] for each in (points, in_fifths(points)))
    assert five.chosen == one.chosen
    for mine, theirs in zip(one.curve, five.curve, strict=True):
        assert vars(theirs.indices) == pytest.approx(vars(mine.indices), rel=1e-9)


def test_fixed_centres_are_in_every_number() -> None:
    """Each frame has them first, and the result is that of a run with them."""
    points = photograph(60, 40)
    fixed = [[200.0, 30, 30], [20, 20, 200]]
    clustering, selection = choose(points, KMeansParams(), range(3, 10), "silhouette", Meter(), fixed)
    alone = engine.run(points, KMeansParams(n_clusters=selection.chosen), Meter(), fixed)
    np.testing.assert_array_equal(clustering.labels, alone.labels)
    np.testing.assert_array_equal(clustering.centers[:2], fixed)
    assert selection.frames.sizes == tuple(range(3, 10))
    all_fixed, selection = choose(points, KMeansParams(), range(2, 4), None, Meter(), fixed)
    assert len(selection.curve) == 2
    assert len(all_fixed.centers) == selection.chosen


def test_progress_rises_to_one_and_can_stop_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The report hears rising fractions, whatever is being done, and its no ends the sweep."""
    monkeypatch.setattr(progress, "POLL_SECONDS", 0.002)
    points = count_colors(noise(120, 160)).points()
    for params in METHODS[:2]:
        heard: list[float] = []

        def report(fraction: float, heard: list[float] = heard) -> bool:
            heard.append(fraction)
            return True

        with Meter(report).part(0.0, 1.0) as meter:
            choose(points, params, range(2, 16), None, meter)
        assert len(heard) > 10
        assert np.diff(heard).min() > -1e-12
        assert heard[-1] == 1.0
        for at in (0.2, 0.6):
            with pytest.raises(Stopped):
                choose(points, params, range(2, 16), None, Meter(lambda fraction, at=at: fraction < at))  # type: ignore[misc]
