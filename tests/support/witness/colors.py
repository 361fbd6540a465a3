"""Colours as coloraide knows them."""

from functools import cache

import numpy as np
from coloraide import Color
from matplotlib.colors import CSS4_COLORS, XKCD_COLORS
from numpy.typing import NDArray

Floats = NDArray[np.float64]

SPACES = {"rgb": "srgb", "lab": "lab-d65", "oklab": "oklab"}
STEPS = {"rgb": 1.0, "lab": 100 / 255, "oklab": 1 / 255}
"""One 8-bit step in each space."""


def color(code: str) -> Color:
    """A colour by its hex code."""
    return Color("srgb", [byte / 255 for byte in bytes.fromhex(code[1:])])


def code_of(rgb: NDArray[np.uint8]) -> str:
    return "#" + bytes(rgb.tolist()).hex()


def coordinates(rgb: NDArray[np.float64] | NDArray[np.uint8], space: str) -> Floats:
    """Colours [n, 3], 0..255, in the space of a clustering; `rgb` keeps 0..255. Of greys a and b are exactly 0."""
    if space == "rgb":
        return np.asarray(rgb, np.float64)
    different, back = np.unique(rgb, axis=0, return_inverse=True)
    known = np.array([Color("srgb", (one / 255).tolist()).convert(SPACES[space]).coords() for one in different])
    known[np.ptp(different, axis=1) == 0, 1:] = 0
    return known[back.reshape(-1)]


def srgb_of(coords: Floats, space: str) -> Floats:
    """The way back, f64[n, 3], 0..255, what lies outside of the gamut clipped to it."""
    if space == "rgb":
        return np.clip(coords, 0, 255)
    known = [Color(SPACES[space], one.tolist()).convert("srgb").coords() for one in coords]
    return 255 * np.clip(np.array(known).reshape(-1, 3), 0, 1)


@cache
def difference(one: str, other: str) -> float:
    """CIEDE2000 of two hex codes."""
    return float(color(one).delta_e(color(other), method="2000"))


@cache
def contrast(one: str, other: str) -> float:
    """WCAG 2.2's ratio, whose luminance has four digits: coloraide's own has more."""
    light = [np.dot(color(code).convert("srgb-linear").coords(), (0.2126, 0.7152, 0.0722)) for code in (one, other)]
    return float((max(light) + 0.05) / (min(light) + 0.05))


@cache
def least_difference(code: str, list_name: str) -> float:
    """CIEDE2000 to the nearest named colour of the list."""
    return min(difference(code, one) for one in set(named(list_name).values()))


def named(list_name: str) -> dict[str, str]:
    """The hex codes of a list by name; coloraide has palevioletred wrong."""
    known = CSS4_COLORS if list_name == "css" else XKCD_COLORS
    return {name.removeprefix("xkcd:"): code.lower() for name, code in known.items()}
