"""Colours given to a palette, against comparing all with all by an independent library."""

import numpy as np
import pytest
from coloraide import Color
from scipy.spatial.distance import cdist

from shared.contract.params import ColorSpace
from tests.support.images import noise
from tests.support.weighted import photograph
from worker.clustering.assign import engine
from worker.clustering.assign.details import AssignDetails
from worker.clustering.assign.engine import Metric, assign
from worker.color.counting import ColorSet, count_colors
from worker.color.difference import ciede2000
from worker.color.points import Points
from worker.color.spaces import centers_from_srgb, from_srgb
from worker.progress import Meter, Stopped

RANDOM = np.random.default_rng(0)
PALETTES = {
    "random": RANDOM.integers(0, 256, (256, 3)),
    "blues": np.column_stack([RANDOM.integers(*low_high, 200) for low_high in ((0, 90), (0, 120), (120, 256))]),
    "greys and their neighbours": np.repeat(np.arange(0, 256, 3), 3).reshape(-1, 3) + RANDOM.integers(0, 2, (86, 3)),
    "vivid": np.indices((2, 2, 2)).reshape(3, -1).T * 255,
    "one": np.array([[9, 8, 7]]),
}


def colors(count: int = 2500) -> ColorSet:
    """Random colours, greys, and the corners of the cube."""
    greys = np.repeat(np.arange(256), 3).reshape(-1, 3)
    return count_colors(np.concatenate([noise(1, count)[0], greys, PALETTES["vivid"]]).astype(np.uint8)[None])


def nearest(pixels: np.ndarray, palette: np.ndarray) -> np.ndarray:
    """By CIEDE2000, all pairs, the first of equals."""
    lab, entries = from_srgb(pixels, "lab"), from_srgb(palette.astype(np.float64), "lab")
    return np.argmin([ciede2000(lab, entry) for entry in entries], axis=0)


@pytest.mark.parametrize("name", PALETTES)
def test_no_nearer_entry_is_passed_by(name: str) -> None:
    """For palettes of every kind the labels are those of working out all differences."""
    counted = colors()
    found = assign(counted.points(), PALETTES[name].tolist(), "ciede2000", Meter())
    np.testing.assert_array_equal(found.labels, nearest(counted.colors, PALETTES[name]))


def test_the_nearest_is_coloraides() -> None:
    """No entry is nearer, as an independent library measures it."""
    counted, palette = colors(100), PALETTES["random"][:24]
    found = assign(counted.points(), palette.tolist(), "ciede2000", Meter())
    entries = [Color("srgb", entry / 255) for entry in palette]
    for color, label in list(zip(counted.colors, found.labels, strict=True))[::3]:
        apart = [Color("srgb", color / 255).delta_e(entry, method="2000") for entry in entries]
        assert apart[label] <= min(apart) + 1e-6


@pytest.mark.parametrize("standardize", [False, True])
@pytest.mark.parametrize("space", ["rgb", "lab", "oklab"])
def test_euclidean_distances_are_those_of_the_space(space: ColorSpace, standardize: bool) -> None:
    """Standardised or not; the centres are the palette's entries in it."""
    points = colors().points(space, standardize)
    found = assign(points, PALETTES["random"].tolist(), "euclidean", Meter())
    centers = centers_from_srgb(points, PALETTES["random"])
    np.testing.assert_array_equal(found.centers, centers)
    np.testing.assert_array_equal(found.labels, cdist(points.coords, centers).argmin(axis=1))


@pytest.mark.parametrize("standardize", [False, True])
def test_the_space_changes_no_label_by_ciede2000(standardize: bool) -> None:
    """Differences are measured in CIELAB whatever the points are in."""
    counted = colors()
    labels = [
        assign(counted.points(space, standardize), PALETTES["random"].tolist(), "ciede2000", Meter()).labels
        for space in ("rgb", "lab", "oklab")
    ]
    np.testing.assert_array_equal(labels[0], labels[1])
    np.testing.assert_array_equal(labels[0], labels[2])


@pytest.mark.parametrize("metric", ["ciede2000", "euclidean"])
def test_labels_are_the_palettes_order(metric: Metric) -> None:
    """The first of equal entries wins, and an entry without a pixel keeps its number."""
    points = Points(np.array([[250.0, 0, 0], [0, 0, 250], [240, 0, 0]]), np.ones(3), np.arange(3))
    palette = [[0, 255, 0], [255, 0, 0], [0, 0, 255], [255, 0, 0], [0, 0, 255]]
    found = assign(points, palette, metric, Meter())
    np.testing.assert_array_equal(found.labels, [1, 2, 1])
    np.testing.assert_array_equal(found.centers, palette)
    assert isinstance(found.details, AssignDetails)
    assert found.details.summary() == {"metric": metric, "empty": 3}


def test_equally_far_entries_go_to_the_first() -> None:
    """Entries of one grey that lie as far above and below it, in both orders."""
    points = Points(np.array([[100.0, 100, 100]]), np.ones(1), np.zeros(1))
    for palette in ([[90, 100, 100], [110, 100, 100]], [[110, 100, 100], [90, 100, 100]]):
        assert assign(points, palette, "euclidean", Meter()).labels[0] == 0


@pytest.mark.parametrize("metric", ["ciede2000", "euclidean"])
def test_the_number_of_threads_changes_no_label(metric: Metric, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each colour is given its entry by itself."""
    points = photograph(60, 40)
    here = assign(points, PALETTES["random"].tolist(), metric, Meter(threads=1))
    monkeypatch.setattr(engine, "_WORTH_THREADS", 0)
    apart = assign(points, PALETTES["random"].tolist(), metric, Meter(threads=3))
    assert here.labels.tobytes() == apart.labels.tobytes()


def test_a_report_can_stop_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """When the report answers no, Stopped is raised."""
    monkeypatch.setattr("worker.progress.POLL_SECONDS", 1e-3)
    points = count_colors(noise(300, 300)).points()
    with pytest.raises(Stopped):
        assign(points, PALETTES["blues"].tolist(), "ciede2000", Meter(lambda fraction: fraction < 0.1))
