"""Plots of what a method found, each as a picture and as the data that it draws.

A data function gives plain JSON values, at most MOST_VALUES numbers; a draw function takes those and nothing else, so
that a page can draw the same.
"""

MOST_VALUES = 10_000


def in_pixels(parts: float, units: int) -> float:
    """How many pixels `parts` are, of which each pixel has `units`: whole ones where pixels are not divided."""
    return int(parts) if units == 1 else round(float(parts) / units, 3)
