"""Names for colours: CSS's 148, or the 949 that the xkcd survey found people to agree on."""

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import ImageColor

from worker.color.difference import ciede2000
from worker.color.spaces import from_srgb


class Named(NamedTuple):
    """The name that is nearest to a colour, and how near it is."""

    name: str
    delta_e: float  # CIEDE2000


class _List(NamedTuple):
    names: list[str]
    lab: NDArray[np.float64]  # [n, 3]


def nearest(rgb: NDArray[np.uint8], list_name: str) -> list[Named]:
    """The nearest name, by CIEDE2000, to each of the colours u8[n, 3]; of equally near ones the first in its list."""
    names, lab = _load(list_name)
    found = []
    for color in from_srgb(rgb, "lab"):
        differences = ciede2000(lab, color)
        best = int(differences.argmin())
        found.append(Named(names[best], float(differences[best])))
    return found


@lru_cache(maxsize=2)
def _load(list_name: str) -> _List:
    names = {hex_color: name for name, hex_color in reversed(_LISTS[list_name]())}  # of two names the first stays
    hexes = list(reversed(names))
    rgb = np.array([list(bytes.fromhex(hex_color[1:])) for hex_color in hexes], np.uint8)
    return _List([names[hex_color] for hex_color in hexes], from_srgb(rgb, "lab"))


def _css() -> list[tuple[str, str]]:
    return [(name, str(color)) for name, color in ImageColor.colormap.items()]


def _xkcd() -> list[tuple[str, str]]:
    """Randall Munroe's survey of 2010 (CC0), from matplotlib, which is imported when this list is first asked for."""
    from matplotlib.colors import XKCD_COLORS

    return [(name.removeprefix("xkcd:"), str(color).lower()) for name, color in XKCD_COLORS.items()]


_LISTS: dict[str, Callable[[], list[tuple[str, str]]]] = {"css": _css, "xkcd": _xkcd}
