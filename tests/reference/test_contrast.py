"""Contrast of colours against WCAG's own examples and an independent library."""

import numpy as np
import pytest
from coloraide import Color

from worker.color.contrast import BLACK, WHITE, luminance, ratio, text_on


def contrast(one: str, other: str) -> float:
    light = luminance(np.array([list(bytes.fromhex(color[1:])) for color in (one, other)], np.uint8))
    return float(ratio(light[:1], light[1:])[0])


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("#ffffff", "#000000", 21.0),
        ("#777777", "#ffffff", 4.48),  # the well-known grey that just fails level AA
        ("#767676", "#ffffff", 4.54),  # and the one that just passes it
        ("#949494", "#ffffff", 3.03),
        ("#ff0000", "#ffffff", 4.00),
        ("#0000ff", "#ffffff", 8.59),
        ("#123456", "#123456", 1.0),
    ],
)
def test_known_ratios(one: str, other: str, expected: float) -> None:
    """Ratios that everybody quotes, to their two decimals, whichever colour comes first."""
    assert contrast(one, other) == pytest.approx(expected, abs=0.005)
    assert contrast(other, one) == contrast(one, other)


def test_ratios_are_coloraides() -> None:
    """Random pairs, dark ones among them, to 1e-6."""
    random = np.random.default_rng(0)
    rgb = np.concatenate([random.integers(0, 256, (300, 2, 3)), random.integers(0, 14, (100, 2, 3))]).astype(np.uint8)
    found = ratio(luminance(rgb[:, 0]), luminance(rgb[:, 1]))
    expected = [Color("srgb", (a / 255).tolist()).contrast(Color("srgb", (b / 255).tolist())) for a, b in rgb]
    # coloraide takes luminance from XYZ with the exact matrix, WCAG from coefficients of four places.
    np.testing.assert_allclose(found, expected, rtol=3e-4)


def test_text_is_legible_on_every_colour() -> None:
    """On every colour of a lattice, edges included, the chosen one contrasts most, by at least 4.5."""
    steps = np.append(np.arange(0, 255, 5), 255)
    rgb = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(-1, 3).astype(np.uint8)
    light = luminance(rgb)
    of_text = np.array([1.0 if ink == WHITE else 0.0 for ink in text_on(light)])
    assert set(text_on(light)) == {BLACK, WHITE}
    chosen = ratio(light, of_text)
    assert chosen.min() >= 4.5
    assert (chosen >= ratio(light, 1 - of_text)).all()
