"""CIEDE2000 against an independent library."""

import numpy as np
import pytest
from coloraide import Color

from shared.contract.selection import ExcludedColor
from worker.color.difference import ciede2000, resembles
from worker.color.spaces import from_srgb
from worker.kernels import difference as kernels


@pytest.mark.parametrize("other", ["#ffffff", "#808080", "#0000ff", "#00ff01", "#c03040", "#3040c1"])
def test_differences_are_coloraides(other: str) -> None:
    """Differences of random colours, near ones, greys and corners to a colour are coloraide's to 1e-6."""
    random = np.random.default_rng(int(other[1:], 16))
    center = np.array([int(other[at : at + 2], 16) for at in (1, 3, 5)])
    near = np.clip(center + random.integers(-9, 10, (150, 3)), 0, 255)
    greys = np.repeat(np.arange(0, 256, 15), 3).reshape(-1, 3)
    corners = np.indices((2, 2, 2)).reshape(3, -1).T * 255
    rgb = np.concatenate([random.integers(0, 256, (300, 3)), near, greys, corners]).astype(np.uint8)
    sample = Color(other)
    expected = np.array([Color("srgb", (color / 255).tolist()).delta_e(sample, method="2000") for color in rgb])
    found = ciede2000(from_srgb(rgb, "lab"), from_srgb(center[None].astype(np.uint8), "lab")[0])
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)
    for tolerance in (0, 2, 10, 40):
        excluded = [ExcludedColor(color=other, tolerance=tolerance)]
        np.testing.assert_array_equal(resembles(rgb, excluded), expected <= tolerance)


def coloraides(one: np.ndarray, other: np.ndarray) -> float:
    return float(
        Color("lab-d65", one.tolist()).delta_e(Color("lab-d65", other.tolist()), method="2000", space="lab-d65")
    )


def test_pairs_all_around_the_hue_circle_are_coloraides() -> None:
    """Hues at every angle to each other, opposite ones too, near greys and vivid, in any order: to 1e-9."""
    # Off the places where the formula jumps, and rounding decides: opposite hues, and those whose mean is 0 degrees.
    pairs = np.array([(a, b) for a in np.arange(0, 360, 15.0) for b in np.arange(1, 361, 15.0)])
    radians = np.radians(pairs)
    for chroma, other_chroma in ((1.0, 1.0), (40.0, 40.0), (110.0, 20.0)):
        lab = np.stack([np.full(len(pairs), 40.0), chroma * np.cos(radians[:, 0]), chroma * np.sin(radians[:, 0])], 1)
        other = np.stack([np.full(len(pairs), 70.0), *(other_chroma * f(radians[:, 1]) for f in (np.cos, np.sin))], 1)
        found = np.empty(len(pairs))
        kernels.to_own(0, len(pairs), lab, np.arange(len(pairs), dtype=np.int32), other, found, np.zeros(2, np.int64))
        expected = [coloraides(*pair) for pair in zip(lab, other, strict=True)]
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-9)


def test_opposite_hues_have_the_mean_that_the_paper_gives_them() -> None:
    """Half of the sum of both angles, counted from 0 to 360 degrees, whichever colour comes first."""
    for pair in (((50, 0, 40), (50, 0, -40)), ((50, -40, 0), (50, 40, 0))):
        for one, other in (pair, pair[::-1]):
            expected = coloraides(np.array(one, float), np.array(other, float))
            assert kernels.ciede2000(*map(float, one), *map(float, other)) == pytest.approx(expected, abs=1e-9)
