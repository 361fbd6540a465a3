"""`huemill verify`: what it compares, what it prints, and its exit code."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.metrics import adjusted_rand_score

from shared.contract.params import REFERENCE_MAX_PIXELS, parse_params
from tests.support.images import noise
from tests.support.weighted import by_pixel, lattice, scattered
from worker.clustering import cluster
from worker.color.counting import count_colors
from worker.verify.agreement import adjusted_rand, compare, equal_share
from worker.verify.command import main, parse
from worker.verify.points import break_ties, load_points

WARD = parse_params({"algorithm": "agglomerative"})


def test_the_rand_index_is_scikit_learns_over_pixels() -> None:
    """The adjusted Rand index counts pixels: it is scikit-learn's on the repeated labels."""
    points = scattered(1, 300)
    random = np.random.default_rng(1)
    left = random.integers(-1, 4, 300).astype(np.int32)
    right = np.where(random.random(300) < 0.7, left, random.integers(-1, 6, 300)).astype(np.int32)
    expected = adjusted_rand_score(by_pixel(points, left), by_pixel(points, right))
    assert adjusted_rand(left, right, points.weights) == pytest.approx(expected, abs=1e-12)
    assert adjusted_rand(left, left, points.weights) == 1.0


def test_equal_labels_after_matching() -> None:
    """Clusters are matched by their overlap in pixels, and noise matches noise only."""
    left = np.array([0, 0, 1, -1, -1], np.int32)
    right = np.array([5, 5, 2, -1, 5], np.int32)
    weights = np.array([10, 20, 30, 25, 15])
    assert equal_share(left, right, weights) == 0.85
    assert equal_share(left, np.full(5, -1, np.int32), weights) == 0.4


@pytest.mark.parametrize("damage", ["label", "height"])
def test_a_difference_is_seen(damage: str) -> None:
    """One wrong label, or one height wrong in the sixth digit, and the engines do not agree."""
    points = scattered(2, 100)
    right = cluster(points, WARD)
    assert compare(right, right, points, WARD).agrees
    labels, heights = right.labels.copy(), right.details.heights.copy()
    if damage == "label":
        labels[7] = (labels[7] + 1) % 5
    else:
        heights[50] *= 1 + 1e-6
    wrong = replace(right, labels=labels, details=replace(right.details, heights=heights))
    assert not compare(wrong, right, points, WARD).agrees


def test_an_inertia_of_rounding_is_none() -> None:
    """Where every colour is its own cluster the one engine says 0 and the other 1e-28: they agree."""
    points = count_colors(np.full((3, 7, 3), (12, 200, 33), np.uint8)).points("lab")
    params = parse_params({"init": [[177, 221, 47]], "color_space": "lab"})
    right = cluster(points, params)
    for inertia, agrees in ((0.0, True), (1e-26, True), (1e-6, False)):
        other = replace(right, details=replace(right.details, inertia=inertia))
        assert compare(right, other, points, params).agrees == agrees
        assert compare(other, right, points, params).agrees == agrees


def test_breaking_ties_moves_colours_by_less_than_a_step() -> None:
    """Each colour moves a little, the same way for the same seed."""
    points = lattice(3, 100)
    moved = break_ties(points)
    assert 0 < np.abs(moved.coords - points.coords).max() <= 1e-3
    np.testing.assert_array_equal(moved.coords, break_ties(points).coords)


def test_an_image_too_large_is_scaled_down(tmp_path: Path) -> None:
    """Above the reference engine's limit the image is scaled down, its colours kept, and that is said."""
    pixels = noise(150, 300)
    Image.fromarray(pixels).save(tmp_path / "large.png")
    points, said = load_points(tmp_path / "large.png", WARD)
    assert 0.97 * REFERENCE_MAX_PIXELS["agglomerative"] < points.pixels <= REFERENCE_MAX_PIXELS["agglomerative"]
    assert {tuple(color) for color in points.coords} <= {tuple(color) for color in pixels.reshape(-1, 3)}
    assert (
        said
        == "large.png: 300 x 150 = 45,000 pixels, scaled down to 200 x 100 for the reference engine (at most 20,000)"
    )


def test_flags_are_the_parameters() -> None:
    """Every parameter is a flag of the same name."""
    image, keep_ties, params = parse(
        ["a.png", "--algorithm", "agglomerative", "--linkage", "average", "--n-clusters", "7", "--keep-ties"]
    )
    assert (image, keep_ties) == (Path("a.png"), True)
    assert params == parse_params({"algorithm": "agglomerative", "linkage": "average", "n_clusters": 7})


def test_engines_that_agree(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 0, and a person reads both times, both peak memories and how alike the labels are."""
    Image.fromarray(noise(20, 30)).save(tmp_path / "noise.png")
    assert main([str(tmp_path / "noise.png"), "--algorithm", "agglomerative"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "noise.png: 30 x 20 = 600 pixels"
    table = {words[0]: words for line in lines if (words := line.split())}
    assert table["exact"][1] == table["reference"][1] == "5"
    assert float(table["reference"][3]) > 1
    assert table["adjusted"][-1] == "1.000000"
    assert lines[-1] == "The engines agree."


def test_nothing_to_compare(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2 for a file that is not there and for a parameter of another algorithm, with a message."""
    assert main([str(tmp_path / "none.png")]) == 2
    assert "none.png" in capsys.readouterr().err
    Image.fromarray(noise(4, 4)).save(tmp_path / "small.png")
    assert main([str(tmp_path / "small.png"), "--algorithm", "kmeans", "--linkage", "ward"]) == 2
    assert "is a parameter of agglomerative, not of kmeans" in capsys.readouterr().err


def test_what_only_the_reference_engine_refuses_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One pixel is too few for the peers: the error comes back whole from the process that met it."""
    Image.fromarray(np.zeros((1, 1, 3), np.uint8)).save(tmp_path / "dot.png")
    assert main([str(tmp_path / "dot.png")]) == 2
    assert "the peers ask for two" in capsys.readouterr().err


@pytest.mark.parametrize(
    "flags",
    [
        ["--n-clusters", "auto"],
        ["--n-clusters", '{"min": 2, "max": 4}'],
        ["--n-clusters", "auto", "--algorithm", "agglomerative"],
        ["--fixed", '["#ff0000"]'],
    ],
)
def test_what_other_packages_do_not_do(tmp_path: Path, capsys: pytest.CaptureFixture[str], flags: list[str]) -> None:
    """A choice of the number and fixed centres have no reference: exit code 2 and a sentence, before anything runs."""
    Image.fromarray(noise(4, 4)).save(tmp_path / "small.png")
    assert main([str(tmp_path / "small.png"), *flags]) == 2
    told = capsys.readouterr()
    assert "other packages do not do that" in told.err
    assert told.out == ""


def test_a_flag_that_no_algorithm_here_has(capsys: pytest.CaptureFixture[str]) -> None:
    """The parameters of a method without a reference are no flags."""
    with pytest.raises(SystemExit):
        parse(["a.png", "--metric", "ciede2000"])
    assert "--metric" in capsys.readouterr().err
