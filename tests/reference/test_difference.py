"""CIEDE2000 against an independent library."""

import numpy as np
import pytest
from coloraide import Color

from shared.contract.selection import ExcludedColor
from worker.color.difference import ciede2000, resembles
from worker.color.spaces import from_srgb


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
