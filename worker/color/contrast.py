"""Contrast of colours as text and background: WCAG 2.2's relative luminance and contrast ratio."""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from worker.color.spaces import linear_light

Ink = Literal["#000000", "#ffffff"]
BLACK: Ink = "#000000"
WHITE: Ink = "#ffffff"
_LUMINANCE = np.array([0.2126, 0.7152, 0.0722])  # of linear red, green, blue


def luminance(rgb: NDArray[Any]) -> NDArray[np.float64]:
    """Relative luminance 0..1, f64[n], of sRGB colours [n, 3], 0..255.

    https://www.w3.org/TR/WCAG22/#dfn-relative-luminance; IEC 61966-2-1's threshold gives the same for bytes.
    """
    light: NDArray[np.float64] = (linear_light(rgb.astype(np.float64)) * _LUMINANCE).sum(axis=1)
    return light


def ratio(light: NDArray[np.float64] | float, other: NDArray[np.float64] | float) -> NDArray[np.float64]:
    """The contrast ratio 1..21 of two luminances. https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio"""
    lighter, darker = np.maximum(light, other), np.minimum(light, other)
    found: NDArray[np.float64] = (lighter + 0.05) / (darker + 0.05)
    return found


def text_on(light: NDArray[np.float64]) -> list[Ink]:
    """Black or white, as hex, for each luminance f64[n]: whichever contrasts more, by 4.58 at least."""
    return [BLACK if dark else WHITE for dark in ratio(light, 0.0) >= ratio(light, 1.0)]
