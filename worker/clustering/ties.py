"""Distances that are equal but for the rounding of coordinates."""

import numpy as np
from numpy.typing import NDArray

from worker.color.points import Points

Floats = NDArray[np.float64]

# Two distances that differ by less, as a share, are one. Steps of a standardised axis differ by some 1e-14 of theirs;
# different distances in `rgb`, which are roots of whole numbers below 200,000, by 2e-6.
_ROUNDING = 1e-11


def without_rounding(points: Points, *distances: Floats) -> tuple[Floats, ...]:
    """The same `distances` f64[n] between `points`, the least of those that differ by rounding instead of each.

    In whole numbers equal distances are equal, but a colour's standardised coordinates are rounded each by itself: what
    was a tie would be decided by their last digits. Elsewhere, where ties are chance, all stay as they are.
    """
    if points.standardization is None:
        return distances
    known = np.sort(np.concatenate(distances))
    known = known[np.append(True, known[1:] > known[:-1] * (1 + _ROUNDING))]
    return tuple(known[np.searchsorted(known, each, side="right") - 1] for each in distances)
