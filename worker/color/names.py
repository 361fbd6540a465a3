"""Names for colours: CSS's 148, or the 949 that the xkcd survey found people to agree on."""

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import ImageColor

from worker.color.spaces import from_srgb
from worker.kernels.closest import closest


class Named(NamedTuple):
    """The name that is nearest to a colour, and how near it is."""

    name: str
    delta_e: float  # CIEDE2000


class _List(NamedTuple):
    """A list of names, in its own order, of colours that all differ."""

    names: list[str]
    lab: NDArray[np.float64]  # [n, 3]: ascending in L
    places: NDArray[np.int64]  # [n]: where each has its name in `names`


def nearest(rgb: NDArray[np.uint8], list_name: str) -> list[Named]:
    """The nearest name, by CIEDE2000, to each of the colours u8[n, 3]; of equally near ones the first in its list."""
    known = _load(list_name)
    found, least = np.empty(len(rgb), np.int64), np.empty(len(rgb))
    closest(from_srgb(rgb, "lab"), known.lab, known.places, found, least)
    return [Named(known.names[place], delta) for place, delta in zip(found.tolist(), least.tolist(), strict=True)]


@lru_cache(maxsize=2)
def _load(list_name: str) -> _List:
    name_of: dict[tuple[int, ...], str] = {}
    for name, rgb in _LISTS[list_name]():
        name_of.setdefault(rgb, name)  # of two names for a colour, such as gray and grey, the first stays
    lab = from_srgb(np.array(list(name_of), np.uint8), "lab")
    order = np.argsort(lab[:, 0], kind="stable")
    return _List(list(name_of.values()), lab[order], order)


def _css() -> list[tuple[str, tuple[int, ...]]]:
    # Not the table's values: Pillow replaces those that it was asked for.
    return [(name, ImageColor.getrgb(name)) for name in ImageColor.colormap]


def _xkcd() -> list[tuple[str, tuple[int, ...]]]:
    """Randall Munroe's survey of 2010 (CC0), from matplotlib, which is imported when this list is first asked for."""
    from matplotlib.colors import XKCD_COLORS

    return [(name.removeprefix("xkcd:"), ImageColor.getrgb(color)) for name, color in XKCD_COLORS.items()]


_LISTS: dict[str, Callable[[], list[tuple[str, tuple[int, ...]]]]] = {"css": _css, "xkcd": _xkcd}
