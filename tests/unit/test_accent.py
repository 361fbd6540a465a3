"""Which colours stand out from a picture."""

import numpy as np
import pytest

from worker.quality.accent import MOST_COLORS, accents

RED, BLUE, YELLOW, GREY, WHITE, BLACK = (
    (200, 30, 40),
    (40, 80, 200),
    (250, 200, 20),
    (128, 128, 128),
    (250, 250, 250),
    (10, 10, 10),
)


def ranked(*entries: tuple[tuple[int, int, int], float]) -> list[tuple[int, int, int]]:
    """The colours, those that stand out first."""
    colors, shares = [entry[0] for entry in entries], np.array([entry[1] for entry in entries])
    found = accents(np.array(colors, np.uint8), shares)
    assert (found >= 0).all()
    assert (found <= 1).all()
    return [colors[i] for i in np.argsort(-found, kind="stable")]


def test_a_small_vivid_area_comes_before_the_grey_rest() -> None:
    """One pixel in a hundred is enough for a red that all else is grey around."""
    assert ranked((WHITE, 0.5), (GREY, 0.3), (BLACK, 0.19), (RED, 0.01))[0] == RED


def test_the_ground_comes_behind_what_stands_on_it() -> None:
    """On a yellow that fills three quarters, red and blue things stand out, not the yellow."""
    assert ranked((YELLOW, 0.77), (RED, 0.06), (BLUE, 0.06), (GREY, 0.11)).index(YELLOW) >= 2


def test_a_second_shade_of_the_same_colour_tells_nothing_new() -> None:
    """Two reds of a large object do not push a small teal, less vivid than both, from the second place."""
    darker, teal = (180, 26, 38), (70, 120, 130)
    assert ranked((GREY, 0.63), (RED, 0.2), (darker, 0.15), (BLACK, 0.02))[:2] == [RED, darker]
    assert ranked((GREY, 0.6), (RED, 0.2), (darker, 0.15), (teal, 0.03), (BLACK, 0.02))[:2] == [RED, teal]


def test_some_stray_pixels_stand_out_less_than_an_area() -> None:
    """A few pixels in a million are not what a person would name."""
    assert ranked((GREY, 0.9), (RED, 1e-6), (BLUE, 0.1))[0] == BLUE


@pytest.mark.parametrize("shares", [[1.0], [0.0], [0.5, 0.5], [1.0, 0.0], [0.3, 0.0, 0.7]])
def test_few_colours_and_empty_ones_have_numbers(shares: list[float]) -> None:
    """A single colour stands out from nothing; a colour without a pixel does not stand out."""
    found = accents(np.array([RED, BLUE, YELLOW][: len(shares)], np.uint8), np.array(shares))
    assert np.isfinite(found).all()
    for accent, share in zip(found, shares, strict=True):
        assert (accent > 0) == (0 < share < 1)


def test_noise_changes_nothing() -> None:
    """Shares are of the clustered pixels: noise, which makes all of them smaller, moves no accent."""
    palette, shares = np.array([RED, BLUE, GREY], np.uint8), np.array([0.2, 0.1, 0.7])
    np.testing.assert_allclose(accents(palette, shares / 4), accents(palette, shares))


def test_beyond_the_largest_clusters_nothing_stands_out() -> None:
    """So that thousands of clusters take no longer than some hundreds."""
    palette = np.random.default_rng(0).integers(0, 256, (5000, 3)).astype(np.uint8)
    found = accents(palette, np.full(5000, 1 / 5000))
    assert (found[:MOST_COLORS] > 0).all()
    assert not found[MOST_COLORS:].any()
