"""Plots of what a method found, each as a picture and as the data that it draws.

A data function gives plain JSON values, at most MOST_VALUES numbers; a draw function takes those and nothing else, so
that a page can draw the same.
"""

MOST_VALUES = 10_000
